"""What a person reads in a cell of a workbook is what is imported; columns have names, and rows and files a size."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from sales.http.uploads import MAX_BYTES
from sales.sheets import (
    LARGE,
    MAX_CELL,
    MAX_ROW_BYTES,
    MAX_TOTAL_BYTES,
    Refused,
    cell_text,
    columns_of,
    line_of,
    places_of,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("  Ätna ", "Ätna"),
        ("   ", None),
        (True, "true"),
        (20457.0, "20457"),
        (3.3000000000000003, "3.3"),
        (0.00001, "0.00001"),
        (4917612345678.0, "4917612345678"),
        (123456789012345678.0, "123456789012346000"),
        (datetime(2026, 12, 31), "2026-12-31"),  # noqa: DTZ001 - a workbook knows no zones
        (datetime(2026, 12, 31, 13, 45), "2026-12-31T13:45:00"),  # noqa: DTZ001 - as above
        (date(2026, 12, 31), "2026-12-31"),
        (time(13, 45), "13:45:00"),
        (timedelta(hours=36, minutes=5), "36:05:00"),
    ],
)
def test_a_cell_is_what_a_person_would_write(value: Any, written: str | None) -> None:
    assert cell_text(value) == written


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["Phone", "Phone", "Phone"], ["Phone", "Phone (2)", "Phone (3)"]),
        (["Phone (2)", "Phone"], ["Phone (2)", "Phone"]),
        (["Phone (2)", "Phone", "Phone"], ["Phone (2)", "Phone", "Phone (3)"]),
        (["Phone", "Phone", "Phone (2)"], ["Phone", "Phone (3)", "Phone (2)"]),
        (["Phone (2)", "Phone (2)"], ["Phone (2)", "Phone (2) (2)"]),
        ([None, " Column  1 ", None], ["Column 1 (2)", "Column 1", "Column 3"]),
        (["x" * 256, "x" * 257], ["x" * 255, "x" * 255 + " (2)"]),
    ],
)
def test_each_column_has_another_name_and_the_first_keeps_its_own(
    header: list[str | None], columns: list[str]
) -> None:
    assert columns_of(header) == columns


def test_a_row_is_not_longer_than_its_reader_takes() -> None:
    assert len(line_of(2, ['"' * 15_000] * 34)) < MAX_ROW_BYTES
    with pytest.raises(Refused, match="Row 3 has more than 1 MiB") as refused:
        line_of(3, ['"' * MAX_CELL] * 34)
    assert refused.value.kind == LARGE


def test_the_largest_file_fits_even_when_its_cells_are_empty() -> None:
    growth = len(b"null,") / len(b",")
    assert growth * MAX_BYTES < MAX_TOTAL_BYTES


def test_a_bug_is_told_without_what_the_file_says() -> None:
    with pytest.raises(ValueError, match="secret") as bug:
        int("secret of the file")
    said = places_of(bug.value)
    assert said.startswith("builtins.ValueError at test_sheets.py:")
    assert "secret" not in said
