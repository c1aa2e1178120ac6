"""Amounts: lines add up to totals, whatever the rates, discounts and currencies."""

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.amounts import LineTerms, agreed_lines, price, tax_name
from chassis.errors import Invalid
from chassis.money import MAX_MINOR, currency_digits, half_up

CURRENCIES = ("EUR", "USD", "INR", "JPY", "KWD")
LESS = LineTerms("a", Decimal(8500), discount_amount=Decimal(7500), tax_basis_points=1900)
RATES = (0, 500, 550, 700, 1900, 2000)


def random_line(chance: random.Random, currency: str) -> LineTerms:
    unit = Decimal(10) ** -currency_digits(currency)
    unit_price = chance.randrange(0, 500_000) * unit
    quantity = Decimal(chance.randrange(1, 100_000)) / 1000
    discount: dict[str, Any] = {}
    match chance.randrange(3):
        case 1:
            discount = {"discount_percent": Decimal(chance.randrange(0, 10_001)) / 100}
        case 2:
            share = unit_price * quantity * Decimal(chance.random())
            discount = {"discount_amount": share.quantize(unit, "ROUND_DOWN")}
    return LineTerms("Work", unit_price, quantity, tax_basis_points=chance.choice(RATES), **discount)


def total(lines: list[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(line[name]) for line in lines), Decimal(0))


def test_lines_add_up_to_totals_for_ten_thousand_invoices():
    chance = random.Random(20260101)
    for _ in range(10_000):
        currency = chance.choice(CURRENCIES)
        lines = [random_line(chance, currency) for _ in range(chance.randrange(1, 8))]
        priced = price(lines, currency)
        assert total(priced.lines, "net") == Decimal(str(priced.net))
        assert total(priced.lines, "gross") == Decimal(str(priced.gross))
        assert total(priced.lines, "net") + total(priced.lines, "tax") == total(priced.lines, "gross")
        assert total(priced.taxes, "taxable") == Decimal(str(priced.net))
        assert total(priced.taxes, "tax") == total(priced.lines, "tax")


def test_tax_is_the_rate_on_the_sum_of_its_lines():
    chance = random.Random(7)
    for _ in range(2_000):
        currency = chance.choice(CURRENCIES)
        priced = price([random_line(chance, currency) for _ in range(5)], currency)
        unit = Decimal(10) ** -currency_digits(currency)
        for tax in priced.taxes:
            exact = Decimal(tax["taxable"]) / unit * tax["basisPoints"] / 10_000
            assert Decimal(tax["tax"]) == half_up(exact) * unit
            of_rate = [line for line in priced.lines if line["taxBasisPoints"] == tax["basisPoints"]]
            assert total(of_rate, "tax") == Decimal(tax["tax"])


@pytest.mark.parametrize(
    ("lines", "currency", "net", "tax", "gross"),
    [
        # One cent: rounding each line's tax would make 0.03 of 0.02.
        ([LineTerms("a", Decimal("0.05"), tax_basis_points=1900)] * 3, "EUR", "0.15", "0.03", "0.18"),
        ([LineTerms("a", Decimal("0.03"), tax_basis_points=1900)] * 3, "EUR", "0.09", "0.02", "0.11"),
        # 8500 less 7500 at 19 %, in euros and in cents.
        ([LESS], "EUR", "1000.00", "190.00", "1190.00"),
        ([replace(LESS, unit_price=Decimal(85), discount_amount=Decimal(75))], "EUR", "10.00", "1.90", "11.90"),
        # A discount and two rates.
        (
            [
                LineTerms("a", Decimal("33.33"), Decimal(3), discount_percent=Decimal(10), tax_basis_points=1900),
                LineTerms("b", Decimal("19.99"), Decimal("0.5"), tax_basis_points=700),
            ],
            "EUR", "99.99", "17.80", "117.79",
        ),
        ([LineTerms("a", Decimal(333), Decimal("1.5"), tax_basis_points=1000)], "JPY", "500", "50", "550"),
        ([LineTerms("a", Decimal("1.005"), Decimal(3), tax_basis_points=500)], "KWD", "3.015", "0.151", "3.166"),
        ([LineTerms("a", Decimal("0.01"), Decimal("0.5"))], "EUR", "0.01", "0.00", "0.01"),
    ],
)  # fmt: skip
def test_known_sums(lines: list[LineTerms], currency: str, net: str, tax: str, gross: str):
    priced = price(lines, currency)
    assert (str(priced.net), str(priced.gross)) == (net, gross)
    assert total(priced.taxes, "tax") == Decimal(tax)


def test_line_is_kept_as_it_is_shown():
    line = LineTerms("Work", Decimal("10.5"), Decimal("2.25"), "h", discount_percent=Decimal("12.50"))
    kept = price([line], "EUR").lines[0]
    assert (kept["quantity"], kept["unitPrice"], kept["discountPercent"]) == ("2.250", "10.50", "12.5")
    assert price([LineTerms.of_kept(kept)], "EUR").lines[0] == kept


def test_flat_amount_is_one_line_without_tax():
    lines = agreed_lines(Decimal("12.5"), None, "EUR")
    priced = price(lines, "EUR")
    assert [(line["description"], line["gross"], line["tax"]) for line in priced.lines] == [
        ("Services", "12.50", "0.00")
    ]


@pytest.mark.parametrize(
    ("line", "currency", "field"),
    [
        (LineTerms("a", Decimal("1.001")), "EUR", "lines.0.unitPrice"),
        (LineTerms("a", Decimal("1.5")), "JPY", "lines.0.unitPrice"),
        (LineTerms("a", Decimal(1), discount_amount=Decimal("0.001")), "EUR", "lines.0.discountAmount"),
        (LineTerms("a", Decimal(1), discount_amount=Decimal("1.01")), "EUR", "lines.0.discountAmount"),
        (LineTerms("a", Decimal(10**12), Decimal("999999999.999")), "KWD", "lines.0.unitPrice"),
        (LineTerms("a", Decimal(MAX_MINOR) / 100, tax_basis_points=1900), "EUR", "lines"),
    ],
)
def test_line_that_does_not_fit_is_refused_by_field(line: LineTerms, currency: str, field: str):
    with pytest.raises(Invalid) as refused:
        price([line], currency)
    assert refused.value.details[0]["field"] == field


@pytest.mark.parametrize(("amount", "lines"), [(None, None), (Decimal(1), [])])
def test_amount_and_lines_exclude_each_other(amount: Decimal | None, lines: list[LineTerms] | None):
    with pytest.raises(Invalid):
        agreed_lines(amount, lines, "EUR")


@pytest.mark.parametrize(
    ("rate", "name"), [(0, "0 %"), (1900, "19 %"), (750, "7.5 %"), (2000, "20 %"), (25, "0.25 %")]
)
def test_rates_have_names(rate: int, name: str):
    assert tax_name(rate) == name
