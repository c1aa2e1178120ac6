"""Files to import: `python -m bench.import_files FOLDER [ROWS]` writes companies as CSV and as XLSX."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import xlsxwriter  # type: ignore[import-untyped] # has no types

ROWS = 100_000
HEADER = ["Name", "Email", "Phone", "Industry", "Website", "City", "Country", "PLZ"]
INDUSTRIES = ("Rail", "Steel", "Food")


def companies(count: int) -> Iterator[list[str]]:
    """A header and that many companies, each another one."""
    yield HEADER
    for number in range(count):
        domain = f"company{number}.example"
        place = ["Hamburg", "DE", f"{number % 100_000:05d}"]
        reached = [f"info@{domain}", f"+49 40 {number:07d}", INDUSTRIES[number % len(INDUSTRIES)], domain]
        yield [f"Company {number:06d} GmbH", *reached, *place]


def write_files(folder: Path, count: int = ROWS) -> list[Path]:
    """Both files."""
    text, book = folder / "companies.csv", folder / "companies.xlsx"
    with text.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(companies(count))
    with xlsxwriter.Workbook(book, {"constant_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for place, row in enumerate(companies(count)):
            sheet.write_row(place, 0, row)
    return [text, book]


if __name__ == "__main__":
    for path in write_files(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else ROWS):
        sys.stdout.write(f"{path} {path.stat().st_size}\n")
