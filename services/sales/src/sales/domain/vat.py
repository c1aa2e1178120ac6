"""VAT identification numbers: checked by the rules of the country that their prefix names."""

import re

MAX_LENGTH = 32
_FORM = re.compile(r"[A-Z0-9]{4,32}")


def normalised_vat_id(text: str) -> str:
    """The number in capitals without separators; ValueError when it cannot be one.

    Numbers of the European Union are checked to the last digit, others only by their form.
    """
    from stdnum import get_cc_module  # noqa: PLC0415 - a module of rules for each country, needed seldom

    number = plain_vat_id(text)
    if not _FORM.fullmatch(number):
        raise ValueError("must be a VAT identification number, such as DE136695976")
    country = country_of(number)
    rules = get_cc_module(country.lower(), "vat") if country is not None else None
    if rules is not None and not rules.is_valid(number):
        raise ValueError(f"is no valid VAT identification number of {country}")
    return number


def plain_vat_id(text: str) -> str:
    """What somebody has written, in capitals without separators, whether it can be a number or not."""
    return re.sub(r"[\s.\-/]", "", text).upper()


def country_of(number: str) -> str | None:
    """The country of the European Union that a number is of; None for others."""
    country = {"EL": "GR"}.get(number[:2], number[:2])
    return country if country in EU else None


EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905 - reads as a list
)
