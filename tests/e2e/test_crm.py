"""What a salesperson and a sales manager do all day, through the gateway: files, merges, boards, two at once."""

import csv
import io
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import xlsxwriter  # type: ignore[import-untyped] # has no types
from tests.e2e.stage import eventually
from tests.e2e.visitor import Json, Visitor, envelope

Role = Callable[[str], Visitor]
FOLLOW_SECONDS = 3.0
KINDS = ("companies", "contacts", "leads", "deals")


@pytest.fixture
def mark() -> str:
    """What names the rows of one journey."""
    return f"crm{uuid4().hex[:10]}"


@pytest.fixture
def manager(person: Role) -> Visitor:
    """Who may merge, import and export."""
    return person("admin")


def company_of(visitor: Visitor, name: str, **more: Any) -> Json:
    """A new company."""
    company: Json = visitor.post("/companies", {"name": name, **more})
    return company


def deal_of(visitor: Visitor, company: Json, title: str, **more: Any) -> Json:
    """A new deal of the caller's."""
    me = visitor.get("/auth/me")["id"]
    deal: Json = visitor.post(
        "/deals", {"title": title, "companyId": company["id"], "ownerUserId": me, **more}
    )
    return deal


def at_once(*calls: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    """The answers to calls that begin at the same moment."""
    answers: dict[int, httpx2.Response] = {}
    start = threading.Barrier(len(calls))

    def run(place: int, call: Callable[[], httpx2.Response]) -> None:
        start.wait(10)
        answers[place] = call()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return [answers[place] for place in range(len(calls))]


def commanding(visitor: Visitor, path: str, body: Json | None = None) -> Callable[[], httpx2.Response]:
    """One command, with a key of its own."""
    headers = {"Idempotency-Key": str(uuid4())}
    return lambda: visitor.ask("POST", f"/api/v1{path}", json=body or {}, headers=headers)


def test_two_who_convert_the_same_lead_make_one_deal(person: Role, visit: Role, mark: str) -> None:
    one, other = person("sales"), visit("admin@acme.example")
    company = company_of(one, f"Buyer {mark}")
    lead = one.post("/leads", {"title": f"Lead {mark}", "companyId": company["id"]})
    path = f"/leads/{lead['id']}/convert-to-deal"
    answers = at_once(*(commanding(visitor, path) for visitor in (one, other, one, other)))
    made = [answer.json() for answer in answers if answer.is_success]
    refused = [envelope(answer) for answer in answers if not answer.is_success]
    assert len(made) == 1, [answer.text for answer in answers]
    assert {error["code"] for error in refused} == {"LEAD_ALREADY_CONVERTED"}
    assert made[0]["id"] in str(refused[0]["details"])
    assert [deal["id"] for deal in one.get("/deals", companyId=company["id"])["items"]] == [made[0]["id"]]


def test_two_who_win_the_same_deal_make_one_item_and_one_draft(person: Role, mark: str) -> None:
    sales, admin, ops, finance = (person(role) for role in ("sales", "admin", "ops", "finance"))
    company = company_of(sales, f"Buyer {mark}")
    deal = deal_of(sales, company, f"Deal {mark}", valueAmount="75.00", currency="EUR")
    path = f"/deals/{deal['id']}/mark-won"
    answers = at_once(*(commanding(visitor, path) for visitor in (sales, admin, sales, admin)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({(answer.json()["version"], answer.json()["wonAt"]) for answer in answers}) == 1

    def ended() -> bool:
        items = ops.get("/work-items", dealId=deal["id"])["items"]
        drafts = finance.get("/invoices", dealId=deal["id"])["items"]
        assert len(items) <= 1
        assert len(drafts) <= 1
        return bool(items and drafts)

    eventually(ended, "item and draft", seconds=FOLLOW_SECONDS)
    activity = sales.get(f"/deals/{deal['id']}/activity")["items"]
    assert [entry["action"] for entry in activity].count("MARK_WON") == 1


def test_a_command_on_an_older_version_writes_nothing(person: Role, mark: str) -> None:
    sales = person("sales")
    deal = deal_of(sales, company_of(sales, f"Buyer {mark}"), f"Deal {mark}")
    url = f"/api/v1/deals/{deal['id']}"
    first = sales.ask("PATCH", url, json={"title": f"Newer {mark}"}, headers={"If-Match": '"1"'})
    assert first.status_code == 200, first.text
    late = sales.ask("PATCH", url, json={"title": f"Late {mark}"}, headers={"If-Match": '"1"'})
    assert (late.status_code, envelope(late)["code"]) == (412, "STALE_VERSION")
    assert sales.get(f"/deals/{deal['id']}") == first.json()


def test_a_merge_takes_everything_along_and_gives_everything_back(
    person: Role, manager: Visitor, mark: str
) -> None:
    ops, finance = person("ops"), person("finance")
    kept = company_of(manager, f"Kept {mark}", industry="Rail")
    gone = company_of(manager, f"Gone {mark}", email=f"info@{mark}.example", phone="+49 40 1234567")
    manager.put(f"/companies/{gone['id']}/tags", {"tags": [f"vip {mark}"]})
    manager.post("/contacts", {"name": f"Contact {mark}", "companyId": gone["id"]})
    manager.post("/leads", {"title": f"Lead {mark}", "companyId": gone["id"]})
    deal = deal_of(manager, gone, f"Deal {mark}", valueAmount="20.00", currency="EUR")
    manager.post(f"/companies/{gone['id']}/notes", {"body": f"Note {mark}"})
    manager.post(f"/deals/{deal['id']}/mark-won")

    def followers(company: Json) -> bool:
        return bool(
            ops.get("/work-items", companyId=company["id"])["items"]
            and finance.get("/invoices", companyId=company["id"])["items"]
        )

    eventually(lambda: followers(gone), "item and draft of the deal", seconds=FOLLOW_SECONDS)
    before = everything(manager, kept, gone)

    both = {"survivorId": kept["id"], "mergedId": gone["id"]}
    preview = manager.post("/companies/merge/preview", both)
    assert preview["moves"] == {"contacts": 1, "leads": 1, "deals": 1, "notes": 1}
    assert everything(manager, kept, gone) == before, "a preview changes nothing"
    merged = manager.post("/companies/merge", both)
    survivor = merged["survivor"]
    assert (survivor["email"], survivor["industry"]) == (f"info@{mark}.example", "Rail")
    for kind in KINDS[1:]:
        assert len(manager.get(f"/{kind}", companyId=kept["id"])["items"]) == 1
        assert manager.get(f"/{kind}", companyId=gone["id"])["items"] == []
    eventually(lambda: followers(kept), "item and draft of the survivor", seconds=FOLLOW_SECONDS)

    manager.post(f"/companies/merges/{merged['mergeId']}/revert")
    assert everything(manager, kept, gone) == before
    eventually(lambda: followers(gone), "item and draft given back", seconds=FOLLOW_SECONDS)


def everything(visitor: Visitor, *companies: Json) -> list[Json]:
    """Two companies and all that belongs to them, but for the versions, which go on."""
    rows = []
    for company in companies:
        rows += [visitor.get(f"/companies/{company['id']}")]
        rows += visitor.get(f"/companies/{company['id']}/notes")["items"]
        for kind in KINDS[1:]:
            rows += visitor.get(f"/{kind}", companyId=company["id"])["items"]
    return [{name: value for name, value in row.items() if name != "version"} for row in rows]


def workbook(rows: list[list[Any]]) -> bytes:
    """An XLSX file of one sheet."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


def test_a_workbook_is_checked_imported_told_and_undone(manager: Visitor, mark: str) -> None:
    known = company_of(manager, f"Known {mark}", industry="Steel")
    book = workbook(
        [
            ["Company name", "E-Mail", "Industry", "Remarks"],
            [f"New {mark}", f"new@{mark}.example", "Food", "=1+1"],
            [f"known {mark}", None, "Rail", None],
            [f"Bad {mark}", "no address", "Food", None],
            [f"Other {mark}", None, None, "x"],
        ]
    )
    run = upload(manager, "companies", f"{mark}.xlsx", book)
    assert run["columns"] == ["Company name", "E-Mail", "Industry", "Remarks"]
    assert run["suggestedMapping"] == {"name": "Company name", "email": "E-Mail", "industry": "Industry"}
    path = f"/imports/{run['id']}"
    terms = {"mapping": run["suggestedMapping"], "duplicatePolicy": "update", "matchBy": ["name"]}
    assert manager.put(f"{path}/mapping", terms)["status"] == "mapped"
    checked = finished(manager, path, "dry-run")
    wanted = {"valid": 3, "invalid": 1, "create": 2, "update": 1, "skip": 0}
    assert checked["counters"] == wanted
    assert manager.get("/companies", q=mark)["total"] == 1, "a dry run writes nothing"

    applied = finished(manager, path, "apply")
    assert applied["counters"] == wanted
    assert applied["progress"] == {"done": 4, "total": 4}
    assert manager.get("/companies", q=mark)["total"] == 3
    assert manager.get(f"/companies/{known['id']}")["industry"] == "Rail"
    report = manager.ask("GET", f"/api/v1{path}/errors.csv").text
    [row] = csv.DictReader(io.StringIO(report))
    assert (row["row"], row["Company name"]) == ("4", f"Bad {mark}")
    eventually(
        lambda: manager.get("/search", q=f"New {mark}")["items"], "what was imported", seconds=FOLLOW_SECONDS
    )

    finished(manager, path, "revert")
    assert [each["id"] for each in manager.get("/companies", q=mark)["items"]] == [known["id"]]
    assert manager.get(f"/companies/{known['id']}")["industry"] == "Steel"


def upload(visitor: Visitor, entity: str, name: str, content: bytes) -> Json:
    """A file, as a form."""
    answer = visitor.ask(
        "POST",
        "/api/v1/imports",
        data={"entity": entity},
        files={"file": (name, content)},
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert answer.status_code == 201, answer.text
    run: Json = answer.json()
    return run


def finished(visitor: Visitor, path: str, phase: str) -> Json:
    """An import once a phase of it is over."""
    ends = {"dry-run": "checked", "apply": "applied", "revert": "reverted"}
    visitor.post(f"{path}/{phase}")

    def over() -> Json | None:
        run: Json = visitor.get(path)
        assert run["status"] != "failed", run
        return run if run["status"] == ends[phase] else None

    return eventually(over, phase, seconds=20)


def test_the_board_sums_each_column_by_currency(person: Role, manager: Visitor, mark: str) -> None:
    stages = [{"key": key, "name": key, "position": at, "winProbability": 50} for at, key in enumerate("ab")]
    pipeline = manager.post("/pipelines", {"name": f"Pipe {mark}", "isDefault": False, "stages": stages})
    company = company_of(manager, f"Buyer {mark}")
    where = {"pipelineId": pipeline["id"], "pipelineStage": "a"}
    values = [("10.10", "EUR"), ("20.20", "EUR"), ("7", "JPY"), ("1000", "JPY"), ("5.00", "EUR")]
    *_, lost, moved = [
        deal_of(manager, company, f"Deal {mark}", valueAmount=amount, currency=currency, **where)
        for amount, currency in values
    ]
    person("sales").post(f"/deals/{moved['id']}/move", {"pipelineStage": "b"})
    manager.post(f"/deals/{lost['id']}/mark-lost", {"reason": "price"})
    board = manager.get("/deals/board", pipeline=pipeline["id"])
    seen = [(each["stage"], each["count"], each["sums"]) for each in board["columns"]]
    assert seen == [
        ("a", 3, [{"currency": "EUR", "amount": "30.30"}, {"currency": "JPY", "amount": "7"}]),
        ("b", 1, [{"currency": "EUR", "amount": "5.00"}]),
    ]
    assert [each["id"] for each in board["columns"][1]["items"]] == [moved["id"]]


def test_another_organisation_sees_nothing_of_it(visit: Role, manager: Visitor, mark: str) -> None:
    company = company_of(manager, f"Secret {mark}", email=f"info@{mark}.example")
    twin = company_of(manager, f"Twin {mark}", email=f"info@{mark}.example")
    contact = manager.post("/contacts", {"name": f"Contact {mark}", "companyId": company["id"]})
    lead = manager.post("/leads", {"title": f"Lead {mark}", "companyId": company["id"]})
    deal = deal_of(manager, company, f"Deal {mark}")
    manager.put(f"/companies/{company['id']}/tags", {"tags": [mark]})
    assert manager.get("/search", q=mark)["items"]
    assert manager.get("/companies", tag=mark)["total"] == 1

    stranger = visit("admin@globex.example")
    assert stranger.get("/search", q=mark)["items"] == []
    owner = manager.get("/auth/me")["id"]
    for kind, row in zip(KINDS, (company, contact, lead, deal), strict=True):
        for query in (
            {"q": mark},
            {"ownerUserId": owner},
            {"tag": mark},
            {"createdFrom": company["createdAt"]},
        ):
            assert mark not in str(stranger.get(f"/{kind}", **query)["items"]), query
            exported = stranger.ask("GET", f"/api/v1/exports/{kind}.csv", params=query)
            assert exported.status_code == 200
            assert mark not in exported.text
        for path in ("", "/activity", "/notes"):
            assert stranger.ask("GET", f"/api/v1/{kind}/{row['id']}{path}").status_code == 404
        changed = {"op": "archive", "id": row["id"]}
        [result] = stranger.post(f"/{kind}/batch", {"atomic": False, "operations": [changed]})["results"]
        assert result["status"] == 404
        assert manager.get(f"/{kind}/{row['id']}")["archivedAt"] is None
    assert mark not in str(stranger.get("/deals/board"))
    assert mark not in str(stranger.get("/companies/duplicates"))
    assert mark not in str(stranger.get("/tags"))
    merge = commanding(stranger, "/companies/merge", {"survivorId": company["id"], "mergedId": twin["id"]})()
    assert merge.status_code == 400
