"""What people write into cells, as the API wants it: amounts, dates, lists; ValueError says what is wrong with one."""

import re
from collections.abc import Callable, Mapping
from datetime import date

from sales.domain.tags import MAX_NAME, MAX_TAGS

ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
NUMBER = re.compile(r"-?[\d.,]*\d")
MONTHS = 12


def amount(text: str) -> str:
    """`1.234,50 €` and `1,234.50` are both 1234.50; one comma with three digits behind it parts thousands."""
    digits = re.sub(r"[\s\u00a0\u202f'\u2019€$£¥]", "", text)
    if not NUMBER.fullmatch(digits):
        raise ValueError("must be an amount, such as 1200.00")
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma > point:
        is_grouped = point < 0 and re.fullmatch(r"-?\d{1,3}(,\d{3})+", digits) is not None
        return digits.replace(",", "") if is_grouped else digits.replace(".", "").replace(",", ".")
    if digits.count(".") > 1:
        return digits.replace(".", "")
    return digits.replace(",", "")


def day(text: str) -> str:
    """A date in ISO's form, or as it is written in Europe; one that could be read in two ways is refused."""
    if ISO.fullmatch(text):
        return text[:10]
    if dotted := DOTTED.fullmatch(text):
        return _iso(dotted[3], dotted[2], dotted[1])
    if slashed := SLASHED.fullmatch(text):
        first, second = int(slashed[1]), int(slashed[2])
        if first <= MONTHS and second <= MONTHS and first != second:
            raise ValueError("could be read in two ways; write it as 2026-03-10")
        return (
            _iso(slashed[3], slashed[2], slashed[1])
            if first > MONTHS
            else _iso(slashed[3], slashed[1], slashed[2])
        )
    raise ValueError("must be a date, such as 2026-03-10")


def tags(text: str) -> list[str]:
    """Names parted by commas, semicolons or bars; each once."""
    names = [each.strip() for each in re.split(r"[,;|]", text) if each.strip()]
    unique = list({name.lower(): name for name in reversed(names)}.values())[::-1]
    if len(unique) > MAX_TAGS or any(len(name) > MAX_NAME for name in unique):
        raise ValueError(f"must be at most {MAX_TAGS} names of at most {MAX_NAME} characters")
    return unique


def _iso(year: str, month: str, day_of_month: str) -> str:
    try:
        return date(int(year), int(month), int(day_of_month)).isoformat()
    except ValueError:
        raise ValueError("must be a date, such as 2026-03-10") from None


READ: Mapping[str, Callable[[str], object]] = {
    "valueAmount": amount,
    "expectedCloseDate": day,
    "tags": tags,
    "stage": str.upper,
    "category": str.lower,
}
"""Fields whose cells are not taken as they are."""
