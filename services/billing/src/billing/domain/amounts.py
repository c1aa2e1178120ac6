"""What lines cost: the arithmetic of EN 16931 with the one rounding of the house; lines always add up to totals.

Net of a line is quantity times unit price less discount, rounded once. Tax is the rate on the sum of its lines' nets,
rounded once per rate; the lines of a rate share that tax in proportion to their nets (largest remainder).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from chassis.errors import Invalid
from chassis.money import MAX_MINOR, Money, currency_digits, half_up

FLAT_LINE = "Services"
QUANTITY_DIGITS = Decimal("0.001")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LineTerms:
    """One line as agreed; money as decimal amounts, in the currency that the invoice gives them."""

    description: str
    unit_price: Decimal
    quantity: Decimal = Decimal(1)
    unit: str | None = None
    discount_amount: Decimal | None = None
    discount_percent: Decimal | None = None
    tax_basis_points: int = 0

    @classmethod
    def of_kept(cls, line: Mapping[str, Any]) -> Self:
        """From a line as the invoice keeps it."""
        return cls(
            description=line["description"],
            unit_price=Decimal(line["unitPrice"]),
            quantity=Decimal(line["quantity"]),
            unit=line["unit"],
            discount_amount=_optional(line["discountAmount"]),
            discount_percent=_optional(line["discountPercent"]),
            tax_basis_points=line["taxBasisPoints"],
        )


@dataclass(frozen=True, slots=True)
class Priced:
    """Lines and taxes as an invoice keeps and shows them, and their sums."""

    lines: list[Json]
    taxes: list[Json]
    net: Money
    gross: Money


def agreed_lines(
    amount: Decimal | None, lines: Sequence[LineTerms] | None, currency: str
) -> Sequence[LineTerms]:
    """The lines a client sent; a flat amount is one line of that gross without tax (spec/wire.md 6)."""
    if amount is None and lines is None:
        raise Invalid.field("lines", "send lines, or an amount")
    if lines is not None:
        if amount is not None:
            raise Invalid.field("amount", "cannot be sent together with lines")
        return lines
    flat = money(amount or Decimal(0), currency, "amount")
    return [LineTerms(FLAT_LINE, Decimal(str(flat)))]


def price(lines: Sequence[LineTerms], currency: str) -> Priced:
    """What the lines cost in `currency`; Invalid names the field that does not fit it."""
    nets = [_net(line, currency, f"lines.{index}") for index, line in enumerate(lines)]
    nothing = Money(0, currency)
    shares = [nothing] * len(lines)
    taxes: list[Json] = []
    tax_total = nothing
    for rate in sorted({line.tax_basis_points for line in lines}):
        members = [index for index, line in enumerate(lines) if line.tax_basis_points == rate]
        taxable = sum((nets[index] for index in members), nothing)
        tax = taxable.basis_points(rate)
        if taxable.minor:
            for index, share in zip(members, tax.split([nets[each].minor for each in members]), strict=True):
                shares[index] = share
        taxes.append(_kept_tax(rate, taxable, tax))
        tax_total += tax
    net = sum(nets, nothing)
    gross = net + tax_total
    if gross.minor > MAX_MINOR:
        raise Invalid.field("lines", "add up to more than can be stored")
    kept = [_kept_line(line, *sums) for line, *sums in zip(lines, nets, shares, strict=True)]
    return Priced(kept, taxes, net, gross)


def money(amount: Decimal, currency: str, field: str) -> Money:
    """An amount a client sent; Invalid names the field when it has more digits than the currency."""
    try:
        return Money.parse(amount, currency)
    except ValueError:
        raise Invalid.field(field, f"{currency} has {currency_digits(currency)} decimal digits") from None


def tax_name(basis_points: int) -> str:
    """What a rate is called where nobody gave it a name: "19 %"."""
    return f"{Decimal(basis_points).scaleb(-2).normalize():f} %"


def _net(line: LineTerms, currency: str, field: str) -> Money:
    unit_price = money(line.unit_price, currency, f"{field}.unitPrice")
    exact = Decimal(unit_price.minor) * line.quantity
    if exact > MAX_MINOR:
        raise Invalid.field(f"{field}.unitPrice", "times the quantity is more than can be stored")
    if line.discount_percent is not None:
        exact -= exact * line.discount_percent / 100
    if line.discount_amount is not None:
        exact -= money(line.discount_amount, currency, f"{field}.discountAmount").minor
    if exact < 0:
        raise Invalid.field(f"{field}.discountAmount", "is more than the line")
    return Money(half_up(exact), currency)


def _kept_line(line: LineTerms, net: Money, tax: Money) -> Json:
    discount = line.discount_amount
    return {
        "description": line.description,
        "quantity": str(line.quantity.quantize(QUANTITY_DIGITS)),
        "unit": line.unit,
        "unitPrice": str(Money.parse(line.unit_price, net.currency)),
        "discountAmount": None if discount is None else str(Money.parse(discount, net.currency)),
        "discountPercent": None
        if line.discount_percent is None
        else f"{line.discount_percent.normalize():f}",
        "taxRateId": None,
        "taxBasisPoints": line.tax_basis_points,
        "net": str(net),
        "tax": str(tax),
        "gross": str(net + tax),
    }


def _kept_tax(rate: int, taxable: Money, tax: Money) -> Json:
    return {
        "taxRateId": None,
        "name": tax_name(rate),
        "basisPoints": rate,
        "taxable": str(taxable),
        "tax": str(tax),
    }


def _optional(number: str | None) -> Decimal | None:
    return None if number is None else Decimal(number)
