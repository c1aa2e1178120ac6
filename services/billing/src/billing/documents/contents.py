"""The texts of a document: every amount, quantity and date as the reader's language writes them."""

from decimal import Decimal
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal

from billing.documents.labels import LABELS, language_of
from billing.domain.amounts import Json, tax_name
from billing.domain.documents import Document
from chassis.money import Money, currency_digits


def contents(document: Document) -> dict[str, Any]:
    """What the layout shows, all of it text: nothing in it is ever read as layout."""
    language = language_of(document.locale)
    locale = _locale(document.locale, language)
    labels = LABELS[language]
    dates = {name: format_date(day, "long", locale=locale) for name, day in
             (("issued", document.issue_date), ("due", document.due_date))}  # fmt: skip
    return {
        "language": language,
        "labels": labels,
        "number": document.number,
        "reference": document.reference,
        "dates": dates,
        "isVoid": document.is_void,
        "seller": _party(document.seller),
        "buyer": _buyer(document),
        "lines": [_line(line, document, locale) for line in document.lines],
        "sums": _sums(document, locale),
        "gross": f"{_amount(document.gross, locale)} {document.gross.currency}",
        "facts": _facts(document),
        "note": document.seller.get("invoiceNote"),
    }


def _locale(tag: str, language: str) -> Locale:
    try:
        locale = Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse(language)
    return locale if locale.language == language else Locale.parse(language)


def _party(party: Any) -> dict[str, Any]:
    address = party.get("address") or {}
    lines = [address.get("line1"), address.get("line2")]
    lines.append(" ".join(filter(None, (address.get("postalCode"), address.get("city")))))
    lines += [address.get("region"), address.get("country")]
    return {"name": party.get("legalName") or party["name"], "lines": [line for line in lines if line]}


def _buyer(document: Document) -> dict[str, Any]:
    buyer, vat_id = _party(document.buyer), document.buyer.get("vatId")
    if vat_id:
        buyer["lines"].append(f"{LABELS[language_of(document.locale)]['vatId']} {vat_id}")
    return buyer


def _line(line: Json, document: Document, locale: Locale) -> dict[str, str]:
    quantity = format_decimal(Decimal(line["quantity"]), "#,##0.###", locale=locale)
    return {
        "description": line["description"],
        "quantity": f"{quantity} {line['unit']}" if line["unit"] else quantity,
        "unitPrice": _amount(document.amount(line["unitPrice"]), locale),
        "discount": _discount(line, document, locale),
        "tax": tax_name(line["taxBasisPoints"]),
        "net": _amount(document.amount(line["net"]), locale),
    }


def _discount(line: Json, document: Document, locale: Locale) -> str:
    if line["discountPercent"] is not None:
        return f"{format_decimal(Decimal(line['discountPercent']), locale=locale)} %"
    if line["discountAmount"] is not None:
        return _amount(document.amount(line["discountAmount"]), locale)
    return ""


def _sums(document: Document, locale: Locale) -> list[list[str]]:
    labels = LABELS[language_of(document.locale)]
    sums = [[labels["net"], _amount(document.net, locale)]]
    for tax in document.taxes:
        taxable = _amount(document.amount(tax["taxable"]), locale)
        label = labels["taxOn"].format(rate=tax["name"], taxable=taxable)
        sums.append([label, _amount(document.amount(tax["tax"]), locale)])
    return sums


def _facts(document: Document) -> list[str]:
    """The seller's foot line: what identifies it, and where to pay and ask."""
    labels, seller = LABELS[language_of(document.locale)], document.seller
    named = {
        labels["vatId"]: seller.get("vatId"),
        labels["taxId"]: seller.get("taxId"),
        labels["registration"]: seller.get("registrationNumber"),
        "IBAN": seller.get("iban"),
        "BIC": seller.get("bic"),
    }
    plain = [seller.get("email"), seller.get("phone")]
    return [f"{label} {value}" for label, value in named.items() if value] + [each for each in plain if each]


def _amount(amount: Money, locale: Locale) -> str:
    digits = currency_digits(amount.currency)
    pattern = "#,##0." + "0" * digits if digits else "#,##0"
    return str(format_decimal(Decimal(str(amount)), pattern, locale=locale))
