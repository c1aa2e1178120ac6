"""Imports: a file becomes rows, checked first and applied as checked, and can be taken back."""

import csv
import io
import zipfile
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import httpx2
import pytest
import xlsxwriter  # type: ignore[import-untyped] # has no types
from services.sales.tests.place import Json, Place, code_of, error_of
from sqlalchemy import text

from chassis.ids import new_id
from sales import importing

COMPANIES = (
    "Firma;E-Mail;Telefon;Branche;PLZ;Ort\n"
    "Brandt GmbH;info@brandt.example;+49 40 1;Rail;20457;Hamburg\n"
    "Ätna AG;;;;;\n"
)


async def upload(
    place: Place, content: bytes | str, entity: str = "company", name: str = "rows.csv", **headers: str
) -> httpx2.Response:
    """What the door says to a file."""
    data = content.encode() if isinstance(content, str) else content
    return await place.api.post(
        "/api/v1/imports",
        data={"entity": entity},
        files={"file": (name, data)},
        headers={key.replace("_", "-"): value for key, value in headers.items()},
    )


async def uploaded(
    place: Place, content: bytes | str, entity: str = "company", name: str = "rows.csv"
) -> Json:
    """A file that was taken in."""
    answer = await upload(place, content, entity, name)
    assert answer.status_code == 201, answer.text
    run: Json = answer.json()
    return run


async def mapped(place: Place, run: Json, **more: Any) -> Json:
    """The import with its suggested mapping, unless another one is given."""
    body = {"mapping": run["suggestedMapping"]} | more
    answer = await place.api.put(f"/api/v1/imports/{run['id']}/mapping", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def ran(place: Place, run: Json, action: str) -> Json:
    """The import after something that is long."""
    answer = await place.post(f"/imports/{run['id']}/{action}")
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/v1/imports/{run['id']}"
    assert (await place.stand.run_deferred()).count("work-on-import") == 1
    while later := await place.stand.run_deferred():
        assert set(later) <= {"index-imported", "compare-indexed"}
    return await place.read(f"/imports/{run['id']}")


async def rows_of(place: Place, run: Json, **query: Any) -> list[Json]:
    """The rows of an import."""
    found: list[Json] = (await place.get(f"/imports/{run['id']}/rows", pageSize=100, **query)).json()["items"]
    return found


async def test_a_file_becomes_companies(place: Place) -> None:
    run = await uploaded(place, COMPANIES)
    assert run["status"] == "uploaded"
    assert run["columns"] == ["Firma", "E-Mail", "Telefon", "Branche", "PLZ", "Ort"]
    assert run["suggestedMapping"] == {
        "name": "Firma", "email": "E-Mail", "phone": "Telefon", "industry": "Branche",
        "address.postalCode": "PLZ", "address.city": "Ort",
    }  # fmt: skip
    run = await mapped(place, run)
    assert (run["status"], run["duplicatePolicy"], run["matchBy"]) == ("mapped", "skip", ["name"])
    checked = await ran(place, run, "dry-run")
    assert (checked["status"], checked["progress"]) == ("checked", {"done": 2, "total": 2})
    assert checked["counters"] == {
        "valid": 2, "invalid": 0, "create": 2, "update": 0, "skip": 0
    }  # fmt: skip
    assert await place.names("/companies") == []
    applied = await ran(place, run, "apply")
    assert (applied["status"], applied["counters"]) == ("applied", checked["counters"])
    brandt = (await place.get("/companies", q="Brandt")).json()["items"][0]
    assert brandt["address"]["city"] == "Hamburg"
    assert (await place.fact("import.finished")).created == 2
    assert await place.stand.actions(brandt["id"]) == ["CREATE"]
    assert await place.told(brandt) == ["company.created"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_encodings_and_delimiters_are_found(place: Place, encoding: str, delimiter: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter).writerows(
        [["Name", "Straße"], ["Ätna, Süd; AG", 'Gasse "1"\nHof'], ["Ödipus", "Weg 2"]]
    )
    run = await uploaded(place, written.getvalue().encode(encoding))
    assert run["columns"] == ["Name", "Straße"]
    assert run["suggestedMapping"] == {"name": "Name", "address.line1": "Straße"}
    first, second = await rows_of(place, run)
    assert (first["row"], first["cells"]) == (2, ["Ätna, Süd; AG", 'Gasse "1"\nHof'])
    assert second["cells"] == ["Ödipus", "Weg 2"]


def workbook(*rows: list[Any]) -> bytes:
    """A workbook of these rows."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    return file.getvalue()


async def test_a_workbook_is_read(place: Place) -> None:
    run = await uploaded(place, workbook(["Name", "PLZ"], ["Ätna AG", 20457], [None, None], ["B", "01067"]))
    assert run["format"] == "xlsx"
    assert [(row["row"], row["cells"]) for row in await rows_of(place, run)] == [
        (2, ["Ätna AG", "20457"]),
        (4, ["B", "01067"]),
    ]


async def test_rows_of_a_workbook_have_the_numbers_that_they_have_there(place: Place) -> None:
    run = await uploaded(place, workbook([], [], ["Name"], [], ["A"]))
    assert [(row["row"], row["cells"]) for row in await rows_of(place, run)] == [(5, ["A"])]


def bomb() -> bytes:
    """A workbook that unpacks to a gigabyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(600):
                sheet.write(b" " * 1024 * 1024)
    return file.getvalue()


def sparse() -> bytes:
    """A workbook of a few bytes with two cells, and a hundred million between them."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "Name")
        sheet.write(1_048_575, 99, "far away")
    return file.getvalue()


# Named, and the workbooks made by the test that sends them: their length changes with the second they are made in.
NO_TABLES: dict[str, tuple[bytes | Callable[[], bytes], int]] = {
    "nothing": (b"", 400),
    "blank lines": (b"\n\n", 400),
    "a header alone": (b"Name,City\n", 400),
    "an open quote": (b'Name,City\n"open,Hamburg\n', 400),
    "text after a quote": (b'Name,City\n"a"b,Hamburg\n', 400),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", 415),
    "a null character": (b"Name\nA\x00B\n", 415),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, 415),
    "half an archive": (b"PK\x03\x04 no archive", 400),
    "a long cell": (b"Name\n" + b"x" * 40_000 + b"\n", 400),
    "many columns": (b",".join(b"c%d" % each for each in range(300)) + b"\n1\n", 400),
    "many rows": (b"Name\n" + b"x\n" * 100_001, 413),
    "a bomb": (bomb, 413),
    "two cells far apart": (sparse, 413),
}


@pytest.mark.parametrize("name", NO_TABLES)
async def test_what_is_no_table_is_refused_and_leaves_nothing(place: Place, name: str) -> None:
    content, status = NO_TABLES[name]
    before = await place.stand.facts("sales.activity.recorded.v1")
    answer = await upload(place, content() if callable(content) else content)
    assert answer.status_code == status
    assert (await place.get("/imports")).json()["items"] == []
    assert await place.stand.facts("sales.activity.recorded.v1") == before
    async with place.stand.runtime.source.database.session(place.org_id) as session:
        assert await session.scalar(text("SELECT count(*) FROM import_row")) == 0


async def test_a_file_is_not_longer_than_fifty_mebibytes(place: Place) -> None:
    exactly = (b"Name\n" + (b"x" * 1023 + b"\n") * (50 * 1024))[: 50 * 1024 * 1024]
    assert (await upload(place, exactly)).status_code == 201
    assert code_of(await upload(place, exactly + b"x"), 413) == "PAYLOAD_TOO_LARGE"
    answer = await place.api.post(
        "/api/v1/imports",
        content=b"",
        headers={
            "content-length": str(51 * 1024 * 1024),
            "content-type": "multipart/form-data; boundary=b",
        },
    )
    assert code_of(answer, 413) == "PAYLOAD_TOO_LARGE"
    answer = await place.api.post(
        "/api/v1/companies", content=b"", headers={"content-length": str(1024 * 1024 + 1)}
    )
    assert code_of(answer, 413) == "PAYLOAD_TOO_LARGE"


async def test_fields_of_the_form(place: Place) -> None:
    file = {"file": ("rows.csv", b"Name\nA\n")}
    for data, files, field in (
        ({"entity": "person"}, file, "entity"),
        ({}, file, "entity"),
        ({"entity": "company", "more": "1"}, file, "more"),
        ({"entity": "company", "file": "text"}, {"other": ("a", b"b")}, "other"),
    ):
        answer = await place.api.post("/api/v1/imports", data=data, files=files)
        assert field in {each["field"] for each in error_of(answer, 400)["details"]}, answer.text
    answer = await place.api.post("/api/v1/imports", data={"entity": ["company", "contact"]}, files=file)
    assert error_of(answer, 400)["details"] == [{"field": "entity", "issues": ["may be given only once"]}]


async def test_a_key_takes_a_file_in_once(place: Place) -> None:
    first = await upload(place, COMPANIES, idempotency_key="once")
    again = await upload(place, COMPANIES, idempotency_key="once")
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", first.json())
    assert code_of(await upload(place, COMPANIES + "C;;;;;\n", idempotency_key="once"), 422)


async def test_mapping_is_checked(place: Place) -> None:
    run = await uploaded(place, COMPANIES)
    path = f"/api/v1/imports/{run['id']}/mapping"
    for body, field in (
        ({"mapping": {"email": "E-Mail"}}, "mapping.name"),
        ({"mapping": {"name": "Name"}}, "mapping.name"),
        ({"mapping": {"name": "Firma", "colour": "Ort"}}, "mapping.colour"),
        ({"mapping": {"name": "Firma"}, "matchBy": ["email"]}, "matchBy"),
        ({"mapping": {"name": "Firma", "phone": "Telefon"}, "matchBy": ["phone"]}, "matchBy"),
        ({"mapping": {"name": "Firma"}, "duplicatePolicy": "merge"}, "duplicatePolicy"),
        ({"mapping": None}, "mapping"),
    ):
        assert error_of(await place.api.put(path, json=body), 400)["details"][0]["field"] == field
    stale = await place.api.put(path, json={"mapping": {"name": "Firma"}}, headers={"if-match": '"7"'})
    assert code_of(stale, 412) == "STALE_VERSION"
    assert (await place.read(f"/imports/{run['id']}"))["status"] == "uploaded"


async def test_states_move_along_their_table(place: Place) -> None:
    run = await uploaded(place, COMPANIES)
    for action in ("dry-run", "apply", "revert"):
        assert code_of(await place.post(f"/imports/{run['id']}/{action}"), 409) == "ILLEGAL_TRANSITION"
    await mapped(place, run)
    assert code_of(await place.post(f"/imports/{run['id']}/revert"), 409) == "ILLEGAL_TRANSITION"
    assert (await place.post(f"/imports/{run['id']}/apply")).status_code == 202
    for action in ("dry-run", "apply", "revert"):
        assert code_of(await place.post(f"/imports/{run['id']}/{action}"), 409) == "ILLEGAL_TRANSITION"
    await place.stand.run_deferred()
    answer = await place.api.put(f"/api/v1/imports/{run['id']}/mapping", json={"mapping": {"name": "Firma"}})
    assert code_of(answer, 409) == "ILLEGAL_TRANSITION"
    assert (await ran(place, run, "revert"))["status"] == "reverted"
    assert code_of(await place.post(f"/imports/{run['id']}/apply"), 409) == "ILLEGAL_TRANSITION"


async def test_two_that_apply_at_once_apply_once(place: Place) -> None:
    run = await uploaded(place, COMPANIES)
    await mapped(place, run)
    path = f"/imports/{run['id']}/apply"
    answers = await place.race("import_file", run, place.post(path), place.post(path))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    await place.stand.run_deferred()
    assert len(await place.names("/companies")) == 2


MIXED = (
    "Name,Email,VAT,Owner,City\n"
    "Known GmbH,new@known.example,,,Berlin\n"
    "Fresh GmbH,,,olga@test.example,Hamburg\n"
    "Bad mail,no-mail,,,\n"
    "FRESH gmbh,second@fresh.example,,,Kiel\n"
    ",nameless@x.example,,,\n"
    "Stranger AG,,,nobody@test.example,\n"
    "Wrong VAT,,DE1,,\n"
)


@pytest.mark.parametrize("policy", ["skip", "update", "create"])
async def test_dry_run_equals_apply(place: Place, policy: str) -> None:
    known = await place.company("Known GmbH", email="old@known.example", ownerUserId=place.owner)
    run = await uploaded(place, MIXED)
    await mapped(place, run, duplicatePolicy=policy)
    checked = await ran(place, run, "dry-run")
    foreseen = [(row["verdict"], row["problems"]) for row in await rows_of(place, run)]
    assert await place.names("/companies") == ["Known GmbH"]
    applied = await ran(place, run, "apply")
    assert [(row["verdict"], row["problems"]) for row in await rows_of(place, run)] == foreseen
    assert applied["counters"] == checked["counters"]
    assert {"skip": (1, 0, 2), "update": (1, 2, 0), "create": (1, 0, 0)}[policy] == tuple(
        applied["counters"][name] for name in ("create", "update", "skip")
    )
    mail = {"skip": "old", "update": "new", "create": "old"}[policy]
    assert (await place.read(f"/companies/{known['id']}"))["email"] == f"{mail}@known.example"
    problems = {
        row["row"]: row["problems"][0]["field"] for row in await rows_of(place, run, verdict="invalid")
    }
    both = {2: "name", 5: "name"} if policy == "create" else {}
    assert problems == {4: "email", 6: "name", 7: "owner", 8: "vatId"} | both
    fresh = (await place.get("/companies", q="fresh")).json()["items"][0]
    assert fresh["owner"]["email"] == "olga@test.example"
    assert fresh["email"] == ("second@fresh.example" if policy == "update" else None)


async def test_a_batch_ends_where_a_row_could_be_the_same_and_sees_what_came_before(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    names = ["A", "B", "a", "C", "D", "b", "A"]
    run = await uploaded(place, "Name\n" + "\n".join(names) + "\n")
    await mapped(place, run)
    for action in ("dry-run", "apply"):
        done = await ran(place, run, action)
        assert (done["counters"]["create"], done["counters"]["skip"]) == (4, 3)
        assert done["progress"] == {"done": 7, "total": 7}
    assert [row["verdict"] for row in await rows_of(place, run)] == [
        "create", "create", "skip", "create", "create", "skip", "skip"
    ]  # fmt: skip


async def test_revert_gives_back_what_was_and_leaves_what_has_been_changed_since(place: Place) -> None:
    known = await place.company("Known GmbH", email="old@known.example", industry="Rail")
    run = await uploaded(place, "Name,Email,City\nKnown GmbH,new@known.example,Kiel\nTouched,,\nLeft,,\n")
    await mapped(place, run, duplicatePolicy="update")
    await ran(place, run, "apply")
    touched = (await place.get("/companies", q="Touched")).json()["items"][0]
    assert (await place.patch(f"/companies/{touched['id']}", {"industry": "Food"})).status_code == 200
    reverted = await ran(place, run, "revert")
    assert (reverted["status"], reverted["undone"]["reverted"], reverted["undone"]["kept"]) == (
        "reverted",
        2,
        1,
    )
    now = await place.read(f"/companies/{known['id']}")
    assert {name: now[name] for name in known if name not in {"version", "updatedAt"}} == {
        name: known[name] for name in known if name not in {"version", "updatedAt"}
    }
    assert sorted(await place.names("/companies")) == ["Known GmbH", "Touched"]
    assert await place.told(now) == ["company.created", "company.updated", "company.updated"]
    assert await place.stand.actions(run["id"]) == ["CREATE", "MAP", "APPLY", "APPLIED", "REVERT", "REVERTED"]
    [kept] = await rows_of(place, run, outcome="kept")
    assert kept["problems"] == [{"field": "row", "issues": ["has been changed since"]}]


async def test_revert_of_rows_about_the_same_thing(place: Place) -> None:
    run = await uploaded(place, "Name,City\nOne,Kiel\nTwo,Bonn\none,Ulm\nONE,Jena\n")
    await mapped(place, run, duplicatePolicy="update")
    applied = await ran(place, run, "apply")
    assert (applied["counters"]["create"], applied["counters"]["update"]) == (2, 2)
    assert (await ran(place, run, "revert"))["undone"]["kept"] == 0
    assert await place.names("/companies") == []


async def test_leads_deals_and_contacts_bring_their_companies(place: Place) -> None:
    known = await place.company("Known GmbH", ownerUserId=place.owner)
    await place.made("/custom-fields", entity="deal", key="colour", name="Colour", type="text")
    contact = await uploaded(
        place, "Name;Email;Firma\nJutta;jutta@new.example;New GmbH\nUwe;;new gmbh\n", "contact"
    )
    await mapped(place, contact)
    assert (await ran(place, contact, "apply"))["counters"]["create"] == 2
    assert await place.names("/companies", q="new") == ["New GmbH"]
    deals = (
        "Titel;Firma;Wert;Waehrung;Phase;Abschlussdatum;Betreuer;Tags;cf.colour\n"
        "Big;Known GmbH;1.234,50 €;EUR;won;31.12.2026;olga@test.example;a, b;red\n"
        "Odd;Known GmbH;1,001;JPY;lost;03/04/2026;olga@test.example;;\n"
        "Bad;;1;EUR;;;;;\n"
        "Worse;Known GmbH;1;EUR;maybe;;;;\n"
    )
    run = await uploaded(place, deals, "deal")
    await mapped(place, run)
    assert (await ran(place, run, "apply"))["counters"]["create"] == 1
    assert [row["problems"][0]["field"] for row in await rows_of(place, run, verdict="invalid")] == [
        "expectedCloseDate", "company", "stage"
    ]  # fmt: skip
    [big] = (await place.get("/deals")).json()["items"]
    assert (big["valueAmount"], big["stage"], big["expectedCloseDate"]) == ("1234.50", "WON", "2026-12-31")
    assert (big["tags"], big["customFields"], big["companyId"]) == (
        ["a", "b"],
        {"colour": "red"},
        known["id"],
    )
    assert await place.told(big) == ["deal.created"]
    await ran(place, contact, "revert")
    assert await place.names("/companies") == ["Known GmbH"]


async def test_a_row_that_the_database_refuses_does_not_stop_the_others(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody takes the name between the look and the write: nobody sees it but the index.
    from sales.store import import_lookups  # noqa: PLC0415 - to be replaced

    await place.company("Taken")
    run = await uploaded(place, "Name\nA\nB\nTaken\nC\n")
    await mapped(place, run, duplicatePolicy="create")
    monkeypatch.setattr(import_lookups, "matches", AsyncMock(return_value={}))
    done = await ran(place, run, "apply")
    assert (done["status"], done["counters"]["create"], done["counters"]["invalid"]) == ("applied", 3, 1)
    [row] = await rows_of(place, run, verdict="invalid")
    assert (row["row"], row["problems"][0]["issues"]) == (4, ["There is a company of that name."])


async def test_a_process_that_dies_leaves_whole_batches_and_the_next_one_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 3)
    run = await uploaded(place, "Name\n" + "".join(f"Company {each}\n" for each in range(10)))
    await mapped(place, run)
    await place.post(f"/imports/{run['id']}/apply")
    real, batches = importing.work_on, 0

    async def dying(tx: Any, *given: Any, **more: Any) -> bool:
        nonlocal batches
        goes_on = await real(tx, *given, **more)
        batches += 1
        if batches == 3:
            await tx.flush()
            raise KeyboardInterrupt
        return bool(goes_on)

    monkeypatch.setattr(importing, "work_on", dying)
    with pytest.raises(KeyboardInterrupt):
        await place.stand.run_deferred()
    half = await place.read(f"/imports/{run['id']}")
    assert (half["status"], half["progress"]["done"], half["counters"]["create"]) == ("applying", 6, 6)
    assert len(await place.names("/companies")) == 6
    await importing.work_on_import(place.stand.runtime, place.org_id, run["id"])
    whole = await place.read(f"/imports/{run['id']}")
    assert (whole["status"], whole["counters"]["create"]) == ("applied", 10)
    assert len(await place.names("/companies")) == 10
    assert len(await place.stand.facts("sales.company.created.v1")) == 10
    assert len(await place.stand.facts("sales.import.finished.v1")) == 1


async def test_a_bug_ends_an_import_as_failed_and_what_is_there_can_be_reverted(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 3)
    run = await uploaded(place, "Name\n" + "".join(f"Company {each}\n" for each in range(5)))
    await mapped(place, run)
    await place.post(f"/imports/{run['id']}/apply")
    real = importing.work_on

    async def broken(tx: Any, *given: Any, **more: Any) -> bool:
        goes_on = await real(tx, *given, **more)
        if len(await place.names("/companies")) == 3:
            raise ZeroDivisionError
        return goes_on

    with monkeypatch.context() as within:
        within.setattr(importing, "work_on", broken)
        while await place.stand.run_deferred():
            pass
    failed = await place.read(f"/imports/{run['id']}")
    assert (failed["status"], failed["error"]) == ("failed", "ZeroDivisionError")
    assert (await place.fact("import.finished")).status == "failed"
    assert len((await place.get("/search", q="company")).json()["items"]) == 3
    reverted = await ran(place, run, "revert")
    assert (reverted["status"], reverted["undone"]["reverted"]) == ("reverted", 3)
    assert await place.names("/companies") == []
    assert (await place.get("/search", q="company")).json()["items"] == []


async def test_errors_are_a_file_without_formulas(place: Place) -> None:
    run = await uploaded(place, "Name,Email\nA,=1+1\nB,b@b.example\n")
    await mapped(place, run)
    await ran(place, run, "dry-run")
    answer = await place.get(f"/imports/{run['id']}/errors.csv")
    assert list(csv.reader(io.StringIO(answer.text))) == [
        ["row", "problems", "Name", "Email"],
        ["2", "email: must be an e-mail address", "A", "'=1+1"],
    ]


async def test_whoever_may_import_one_entity_sees_no_other(place: Place) -> None:
    run = await uploaded(place, COMPANIES)
    async with place.stand.client("contacts:import") as other:
        answer = await other.post(
            "/api/v1/imports", data={"entity": "company"}, files={"file": ("a.csv", b"Name\nA\n")}
        )
        assert code_of(answer, 403) == "FORBIDDEN"
        assert code_of(await other.get(f"/api/v1/imports/{run['id']}"), 404) == "NOT_FOUND"
        assert (await other.get("/api/v1/imports")).json()["items"] == []
        assert code_of(await other.post(f"/api/v1/imports/{run['id']}/apply"), 404) == "NOT_FOUND"
    async with place.stand.client(org_id=new_id(), user_id=new_id()) as stranger:
        place.identity.add_organisation(new_id())
        assert (await stranger.get(f"/api/v1/imports/{run['id']}/rows")).status_code >= 400
