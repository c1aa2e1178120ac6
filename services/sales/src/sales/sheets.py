"""Reads a table of a file, as a process of its own: what a file makes it hold is gone when it ends.

`python -m sales.sheets` reads the file that is its standard input, CSV or XLSX, and writes lines of JSON: first what
it found ({"columns": …}) or why it will not read on ({"refused": …, "message": …}), then each row as an array whose
first element is the row's number. A line has at most MAX_ROW_BYTES, all rows together at most MAX_TOTAL_BYTES.

It ends with 0, with NO_MEMORY, by a signal of its limits, or with BROKEN: then it has met a bug, and standard error
has the type of the exception and its places, never a word of the file.
"""

import codecs
import csv
import errno
import io
import os
import resource
import sys
import traceback
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, count
from pathlib import Path
from typing import IO, Any, BinaryIO
from unicodedata import normalize

import orjson

MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_CELL = 32_767  # as many characters as a spreadsheet keeps
MAX_HEADER = 255
DIGITS = 15  # of a number, as many as a spreadsheet shows: 1.1 * 3 is 3.3 there
MIB = 1024 * 1024
MAX_ROW_BYTES = MIB  # 32 cells that are as long as a cell can be: no row that people keep comes near it
# Five times the longest file: an empty cell of CSV is one byte there and five here (null,), nothing real grows more.
MAX_TOTAL_BYTES = 256 * MIB
MAX_UNPACKED = 512 * MIB
MAX_ENTRIES = 2000
MEMORY = 1024 * MIB
FOR_ROWS = 128 * MIB  # of it: what the longest rows take, once the library holds a workbook
CPU_SECONDS = 60
PLACES = 20
SAMPLE = 64 * 1024
DELIMITERS = ",;\t|"
ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
UNSEEN = " \u200b\u2060\ufeff"
UNSUPPORTED, INVALID, LARGE = "unsupported", "invalid", "large"
BROKEN, NO_MEMORY = 1, errno.ENOMEM

Row = Sequence[str | None]


class Refused(Exception):
    """The file is not read, or not read to its end."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def main() -> int:
    """Read standard input; the code to end with."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY - FOR_ROWS, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    errors = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a library that panics writes there what it was reading
    try:
        write(sys.stdin.buffer, sys.stdout.buffer)
    except MemoryError:
        return NO_MEMORY
    except BaseException as bug:  # noqa: BLE001 - a panic of the library is no Exception
        os.write(errors, places_of(bug).encode())
        return BROKEN
    return 0


def write(file: BinaryIO, out: IO[bytes]) -> None:
    """Every line of a file; the refusal behind those that were read before it."""
    try:
        with suppress(BrokenPipeError):  # nobody reads on
            for line in read(file):
                out.write(line + b"\n")
            out.flush()
    except Refused as refused:
        out.write(orjson.dumps({"refused": refused.kind, "message": str(refused)}) + b"\n")
        out.flush()


def places_of(bug: BaseException) -> str:
    """The type of an exception and where it was raised; not its message, which may quote the file."""
    frames = traceback.extract_tb(bug.__traceback__, limit=-PLACES)
    places = (f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames)
    return f"{type(bug).__module__}.{type(bug).__qualname__} at {', '.join(places)}"


def read(file: BinaryIO) -> Iterator[bytes]:
    """What was found, then each row that is not blank with its number; the header is the first of them."""
    said, rows = table_of(file)
    numbered = ((number, row) for number, row in rows if any(row))
    _, header = next(numbered, (0, ()))
    if not header:
        raise Refused(INVALID, "The file has no rows.")
    yield orjson.dumps({"format": said, "columns": columns_of(header)})
    total = 0
    for place, (number, row) in enumerate(numbered, start=1):
        if place > MAX_ROWS:
            raise Refused(LARGE, f"The file has more than {MAX_ROWS} rows; divide it.")
        line = line_of(number, row)
        total += len(line)
        if total > MAX_TOTAL_BYTES:
            raise Refused(LARGE, f"The rows have more than {MAX_TOTAL_BYTES // MIB} MiB of text; divide it.")
        yield line
    if not total:
        raise Refused(INVALID, "The file has a header, but no rows.")


def table_of(file: BinaryIO) -> tuple[str, Iterator[tuple[int, Row]]]:
    """What kind of file it is, and its rows with their numbers."""
    start = file.read(len(OLD_EXCEL))
    file.seek(0)
    if not start:
        raise Refused(INVALID, "The file is empty.")
    if start == OLD_EXCEL:
        said = "This is an old or a protected workbook; save it as .xlsx without a password, or as CSV."
        raise Refused(UNSUPPORTED, said)
    return workbook(file) if start.startswith(ZIP) else text(file)


def line_of(number: int, row: Row) -> bytes:
    """The row as it is written; refused when it is longer than a row may be."""
    check(number, row)
    line: bytes = orjson.dumps([number, *row])
    if len(line) > MAX_ROW_BYTES:
        raise Refused(LARGE, f"Row {number} has more than {MAX_ROW_BYTES // MIB} MiB of text.")
    return line


def check(number: int, row: Row) -> None:
    """Refused for what no row of any table has."""
    if len(row) > MAX_COLUMNS:
        raise Refused(INVALID, f"Row {number} has more than {MAX_COLUMNS} columns.")
    for cell in row:
        if cell and (len(cell) > MAX_CELL or "\x00" in cell):
            raise Refused(INVALID, f"Row {number} has a cell that is too long, or is no text.")


def columns_of(header: Row) -> list[str]:
    """A name for each column, each another one.

    A name that is in the file is that of the first column that has it; the next ones get the first of
    "name (2)", "name (3)", … that is no other column's.
    """
    check(1, header)
    names = [normalize("NFC", " ".join((cell or "").split()).strip(UNSEEN))[:MAX_HEADER] for cell in header]
    if any(ord(character) < ord(" ") for name in names for character in name):
        raise Refused(UNSUPPORTED, "This is no text; send a CSV or an XLSX file.")
    taken = set(names)
    columns: list[str] = []
    for place, name in enumerate(names, start=1):
        column = name
        if not name or name in columns:
            wanted = name or f"Column {place}"
            choices = chain([wanted], (f"{wanted} ({again})" for again in count(2)))
            column = next(choice for choice in choices if choice not in taken)
            taken.add(column)
        columns.append(column)
    return columns


# ---------------------------------------------------------------------------------------------------------- text


def text(file: BinaryIO) -> tuple[str, Iterator[tuple[int, Row]]]:
    """The rows of a text file."""
    encoding = encoding_of(file)
    file.seek(0)
    decoded = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        sample = decoded.read(SAMPLE)
        decoded.seek(0)
    except UnicodeError:
        raise Refused(UNSUPPORTED, "This is no text in an encoding we know; send CSV in UTF-8.") from None
    if "\x00" in sample:
        raise Refused(UNSUPPORTED, "This is no text; send a CSV or an XLSX file.")
    delimiter = delimiter_of(sample)
    name = {"\t": "tab"}.get(delimiter, delimiter)
    return f"csv {encoding.removesuffix('-sig')} {name}", lines(decoded, delimiter)


def lines(decoded: IO[str], delimiter: str) -> Iterator[tuple[int, Row]]:
    """The records of CSV with their numbers."""
    csv.field_size_limit(MAX_CELL + 1)
    number = 0
    try:
        for number, record in enumerate(csv.reader(decoded, delimiter=delimiter, strict=True), start=1):
            yield number, [cell.strip() or None for cell in record]
    except csv.Error as error:
        raise Refused(INVALID, f"Row {number + 1} cannot be read: {error}.") from None
    except UnicodeError:
        raise Refused(
            INVALID, f"Row {number + 1} holds bytes that are no text in the encoding of the others."
        ) from None


def encoding_of(file: BinaryIO) -> str:
    """The encoding: by its mark, by its zeros, as UTF-8 where that fits, else Windows-1252."""
    start = file.read(SAMPLE)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = [start[place::2].count(0) for place in (0, 1)]
    if sum(zeros) > len(start) // 8:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while start:
            decoder.decode(start)
            start = file.read(SAMPLE)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def delimiter_of(sample: str) -> str:
    """The delimiter that parts the first rows into as many columns as possible, each row into as many."""
    best, most = ",", 0
    for delimiter in DELIMITERS:
        widths: list[int] = []
        with suppress(csv.Error):
            records = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
            widths = [len(record) for record, _ in zip(records, range(20), strict=False) if record]
        if not widths or widths[0] == 1:
            continue
        score = widths[0] * sum(width == widths[0] for width in widths)
        if score > most:
            best, most = delimiter, score
    return best


# ------------------------------------------------------------------------------------------------------ workbooks


def workbook(file: BinaryIO) -> tuple[str, Iterator[tuple[int, Row]]]:
    """The rows of the first visible sheet of a workbook."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum  # noqa: PLC0415 - not for text

    check_archive(file)
    file.seek(0)
    try:
        book = CalamineWorkbook.from_filelike(file)
        names = [each.name for each in book.sheets_metadata if each.visible == SheetVisibleEnum.Visible]
        sheet = book.get_sheet_by_name((names or book.sheet_names)[0])
    except (CalamineError, IndexError, OSError, ValueError):
        raise Refused(INVALID, "The workbook cannot be read; save it anew as .xlsx.") from None
    if sheet.total_width > MAX_COLUMNS:  # before one of its rows is made
        raise Refused(INVALID, f"The sheet has more than {MAX_COLUMNS} columns.")
    # The library aborts where a workbook finds no memory, but crashes where a cell finds none: for those there is some.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    rows = enumerate(sheet.iter_rows(), start=1)  # from the first row of the sheet, blank or not
    return "xlsx", ((number, [cell_text(cell) for cell in row]) for number, row in rows)


def check_archive(file: BinaryIO) -> None:
    """Refused unless it is an archive of a workbook that unpacks to a size that can be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        raise Refused(INVALID, "The workbook is damaged.") from None
    if not any(entry.filename.lower() == "xl/workbook.xml" for entry in entries):
        raise Refused(UNSUPPORTED, "This is an archive, but no workbook; send a CSV or an XLSX file.")
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise Refused(LARGE, "The workbook unpacks to more than can be imported at once.")


def cell_text(value: Any) -> str | None:
    """A cell as a person would write it."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(f"{value:.{DIGITS}g}"), "f")
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    return value.isoformat() if isinstance(value, date | time) else str(value)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # what is held is not taken down piece by piece
