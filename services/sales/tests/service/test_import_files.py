"""Files that are made to be too much are refused, and what reads them stays small; a bug is told as a bug."""

import io
import signal
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
import xlsxwriter  # type: ignore[import-untyped] # has no types
from services.sales.tests.place import Place, code_of
from services.sales.tests.service.test_imports import mapped, ran, upload, uploaded
from structlog.testing import capture_logs

from sales import sheet_reader, sheets
from sales.store import imports as store

SECRET = "what the file says"


def workbook(cell: str, *, rows: int, columns: int = sheets.MAX_COLUMNS) -> bytes:
    """A workbook of a few kilobytes that has one text in many cells: a header and rows."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for row in range(rows + 1):
            sheet.write_row(row, 0, [cell] * columns)
    return file.getvalue()


def message_of(answer: httpx2.Response) -> str:
    """The words of a file that is refused for its size."""
    assert code_of(answer, 413) == "PAYLOAD_TOO_LARGE"
    message: str = answer.json()["error"]["message"]
    return message


async def batches_of(content: bytes, folder: Path) -> list[list[bytes]]:
    """What a file is read as."""
    path = folder / "rows.csv"
    path.write_bytes(content)
    with path.open("rb") as file:
        async with sheet_reader.reading(file) as table:
            return [batch async for batch in table.batches()]


async def test_a_batch_is_bounded_by_its_bytes_as_by_its_rows(tmp_path: Path) -> None:
    long = await batches_of(b"Name\n" + (b"x" * 32_000 + b"\n") * 500, tmp_path)
    assert sum(map(len, long)) == 500
    largest = max(sum(map(len, batch)) for batch in long)
    assert largest < sheet_reader.BATCH_BYTES + sheets.MAX_ROW_BYTES
    assert len(long) == 4
    short = await batches_of(b"Name\n" + b"x\n" * 2500, tmp_path)
    assert [len(batch) for batch in short] == [1000, 1000, 500]


async def test_rows_have_a_size_together(place: Place) -> None:
    # One text in cells that stay within the limit of a row, 400 times: some 300 MiB of a file of 40 KB.
    content = workbook("x" * 32_000, rows=400, columns=25)
    assert len(content) < 100_000
    assert message_of(await upload(place, content)) == ("The rows have more than 256 MiB of text; divide it.")
    assert (await place.get("/imports")).json()["items"] == []


async def test_a_row_has_a_size(place: Place) -> None:
    answer = await upload(place, workbook('"' * sheets.MAX_CELL, rows=1))
    assert message_of(answer) == "Row 2 has more than 1 MiB of text."


async def test_a_sheet_of_long_cells_far_to_the_right_is_refused_for_its_columns(place: Place) -> None:
    answer = await upload(place, workbook("x" * sheets.MAX_CELL, rows=0, columns=16_384))
    assert (code_of(answer, 400), "200 columns" in answer.text) == ("VALIDATION_ERROR", True)


def reader(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The reader as it is after a script has changed it."""
    script = f"import os, signal, sys; from sales import sheets; {script}; sys.exit(sheets.main())"
    monkeypatch.setattr(sheet_reader, "READER", (sys.executable, "-I", "-c", script))


async def test_a_workbook_that_just_fits_leaves_memory_for_its_rows(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each row takes 13 MB of the library and as many again of Python; a smaller limit, so that the test is small.
    reader(monkeypatch, "sheets.MEMORY = 352 * sheets.MIB")
    for rows in (8, *range(22, 28)):
        assert message_of(await upload(place, workbook("\U0001f600" * 16_000, rows=rows)))


BUGS = {
    "an exception": f"sheets.table_of = lambda file: int({SECRET!r})",
    "a panic": f"sheets.table_of = lambda file: (os.write(2, b{SECRET!r}), [][0])",
    "a crash": "os.kill(os.getpid(), signal.SIGSEGV)",
    "a module that is missing": "import no_such_module",
}


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("an exception", 1, "builtins.ValueError at sheets.py:"),
        ("a panic", 1, "builtins.IndexError at sheets.py:"),
        ("a crash", -signal.SIGSEGV, ""),
        ("a module that is missing", 1, "No module named 'no_such_module'"),
    ],
)
async def test_a_bug_is_not_the_fault_of_the_file(
    place: Place, monkeypatch: pytest.MonkeyPatch, name: str, code: int, said: str
) -> None:
    reader(monkeypatch, BUGS[name])
    with capture_logs() as logged:
        answer = await upload(place, f"Name\n{SECRET}\n")
    assert code_of(answer, 500) == "INTERNAL_SERVER_ERROR"
    [broken] = [each for each in logged if each["event"] == "import.reader_broken"]
    assert broken["code"] == code
    assert said in broken["said"]
    assert SECRET not in str(logged)


@pytest.mark.parametrize("end", ["SIGXCPU", "SIGABRT", "SIGKILL", "MemoryError"])
async def test_a_reader_that_meets_its_limits_is_told_as_such_and_what_it_had_begun_is_no_row(
    place: Place, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    stop = (
        "(_ for _ in ()).throw(MemoryError)"
        if end == "MemoryError"
        else f"os.kill(os.getpid(), signal.{end})"
    )
    write = 'out.write(b\'{"format": "csv", "columns": ["Name"]}\\n[2,"ha\'), out.flush()'
    reader(monkeypatch, f"sheets.write = lambda file, out: ({write}, {stop})")
    monkeypatch.setattr(sheet_reader, "BATCH", 1)  # what had been begun would be a batch
    with capture_logs() as logged:
        answer = await upload(place, "Name\nhalf\n")
    assert message_of(answer) == "The file needs more memory or time than one import may have."
    assert [each for each in logged if each["log_level"] == "error"] == []


async def test_rows_are_worked_through_by_size_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, real = [], store.next_rows

    async def counted(*given: Any) -> Any:
        taken.append(await real(*given))
        return taken[-1]

    monkeypatch.setattr(store, "next_rows", counted)
    run = await uploaded(place, workbook("x" * 32_000, rows=12, columns=28))
    await mapped(place, run, mapping={"name": run["columns"][0]})
    assert (await ran(place, run, "dry-run"))["counters"]["invalid"] == 12
    assert max(map(len, taken)) == 5


async def test_text_is_found_however_it_is_composed(place: Place) -> None:
    known = await place.company("Müller GmbH")
    lines = ["Na\u0308me\u200b,City", "Mu\u0308ller\u00a0 GmbH,Kiel"]
    run = await uploaded(place, "\n".join(lines))
    assert run["columns"] == ["Näme", "City"]
    await mapped(place, run, mapping={"name": "Näme", "address.city": "City"}, duplicatePolicy="update")
    assert (await ran(place, run, "apply"))["counters"]["update"] == 1
    assert (await place.read(f"/companies/{known['id']}"))["address"]["city"] == "Kiel"
