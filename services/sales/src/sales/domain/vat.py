"""VAT identification numbers: checked by the rules of the country that their prefix names."""

import re

MAX_LENGTH = 32
_FORM = re.compile(r"[A-Z0-9]{4,32}")


def normalised_vat_id(text: str) -> str:
    """The number in capitals without separators; ValueError when it cannot be one.

    Numbers of the European Union are checked to the last digit, others only by their form.
    """
    from stdnum import get_cc_module  # noqa: PLC0415 - a module of rules for each country, needed seldom

    number = re.sub(r"[\s.\-/]", "", text).upper()
    if not _FORM.fullmatch(number):
        raise ValueError("must be a VAT identification number, such as DE136695976")
    country = {"EL": "GR"}.get(number[:2], number[:2])
    rules = get_cc_module(country.lower(), "vat") if country in EU else None
    if rules is not None and not rules.is_valid(number):
        raise ValueError(f"is no valid VAT identification number of {country}")
    return number


EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905 - reads as a list
)
