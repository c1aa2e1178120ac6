"""What a person reads in a cell of a workbook is what is imported."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from sales.sheets import cell_text


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
