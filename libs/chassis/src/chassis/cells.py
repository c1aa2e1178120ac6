"""Cells of a CSV file that no spreadsheet takes for a formula (OWASP, CSV injection)."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(value: Any) -> str:
    """The value as text; what a spreadsheet would execute is quoted by an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" \ufeff\u00a0").startswith(DANGEROUS) else text


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as RFC 4180 lines in UTF-8."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows([cell(value) for value in row] for row in rows)
    return written.getvalue().encode()
