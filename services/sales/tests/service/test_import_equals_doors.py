"""What a file makes of rows is what the doors make of them: rows, history, facts, alikes, search."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from services.sales.tests.place import Json, Place
from services.sales.tests.service.test_imports import mapped, ran, rows_of, uploaded
from sqlalchemy import text

from chassis.facts import to_json
from chassis.ids import new_id

ROWS = {
    "company": "name",
    "contact": "name",
    "lead": "title",
    "deal": "title",
    "pipeline": "name",
    "tag": "name",
}
ABOUT_THEM = ("note", "deal_stage_move", "search_document", "search_word", "company_key", "company_pair")
OF_THE_REQUEST = ("request_id", "ip", "user_agent")
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Call = tuple[str, str, Json]
"""Method, path and body; `<company Known>` in them is the id of that row."""


@dataclass(frozen=True)
class Case:
    """The same by the doors and by one row of a file."""

    entity: str
    calls: Sequence[Call]
    cells: Mapping[str, str]
    is_refused: bool = False


KNOWN, OLD, STALE = "<company Known GmbH>", "<deal Old deal>", "<lead Old lead>"
LOST = "<deal Lost deal>"
CASES = {
    "a company": Case(
        "company",
        [("POST", "/companies", {
            "name": "New AG", "industry": "Rail", "website": "new.example", "phone": "+49 40 1234567",
            "email": "info@new.example", "legalName": "New Aktiengesellschaft", "vatId": "DE136695976",
            "address": {"line1": "Weg 1", "postalCode": "01067", "city": "Dresden", "country": "DE"},
            "ownerUserId": "<owner>", "customFields": {"size": 7}, "tags": ["vip", "fresh"],
        })],
        {"name": "New AG", "industry": "Rail", "website": "new.example", "phone": "+49 40 1234567",
         "email": "info@new.example", "legalName": "New Aktiengesellschaft", "vatId": "DE136695976",
         "address.line1": "Weg 1", "address.postalCode": "01067", "address.city": "Dresden",
         "address.country": "DE", "owner": "olga@test.example", "cf.size": "7", "tags": "vip, fresh"},
    ),
    "a company that looks like another": Case(
        "company",
        [("POST", "/companies", {"name": "Alike", "email": "info@known.example", "customFields": {"size": 1}})],
        {"name": "Alike", "email": "info@known.example", "cf.size": "1"},
    ),
    "a company with another name and address": Case(
        "company",
        [("PATCH", f"/companies/{KNOWN}", {
            "name": "Renamed GmbH", "email": "info@other.example", "customFields": {"size": 3}, "tags": ["b"]})],
        {"id": KNOWN, "name": "Renamed GmbH", "email": "info@other.example", "cf.size": "3", "tags": "b"},
    ),
    "a company whose city changes": Case(
        "company",
        [("PATCH", f"/companies/{KNOWN}", {
            "name": "Known GmbH", "address": {"line1": "Kai 1", "city": "Kiel", "country": "DE"}})],
        {"id": KNOWN, "name": "Known GmbH", "address.city": "Kiel"},
    ),
    "a company as it was": Case(
        "company",
        [("PATCH", f"/companies/{KNOWN}", {"name": "Known GmbH", "email": "info@known.example"})],
        {"id": KNOWN, "name": "Known GmbH", "email": "info@known.example"},
    ),
    "a company without what is required": Case(
        "company", [("POST", "/companies", {"name": "Bare"})], {"name": "Bare"}, is_refused=True
    ),
    "a contact of a new company": Case(
        "contact",
        [("POST", "/contacts", {
            "name": "Nina", "title": "CEO", "email": "Nina@new.example", "phone": "0049 40 1",
            "companyId": KNOWN})],
        {"name": "Nina", "title": "CEO", "email": "Nina@new.example", "phone": "0049 40 1",
         "company": "known gmbh"},
    ),
    "a contact of a company that cannot be made so": Case(
        "contact",
        [("POST", "/companies", {"name": "Unknown"})],
        {"name": "Nina", "company": "Unknown"},
        is_refused=True,
    ),
    "a contact with other channels": Case(
        "contact",
        [("PATCH", "/contacts/<contact Jutta>", {"name": "Jutta", "email": "j2@known.example", "phone": "+49 7"})],
        {"id": "<contact Jutta>", "name": "Jutta", "email": "j2@known.example", "phone": "+49 7"},
    ),
    "a lead": Case(
        "lead",
        [("POST", "/leads", {
            "title": "New lead", "stage": "QUALIFIED", "source": "fair", "category": "hot", "notes": "Call",
            "companyId": KNOWN, "contactId": "<contact Jutta>", "ownerUserId": "<owner>"})],
        {"title": "New lead", "stage": "qualified", "source": "fair", "category": "Hot", "notes": "Call",
         "company": "Known GmbH", "contact": "jutta@known.example", "owner": "olga@test.example"},
    ),
    "a lead that is changed and qualified": Case(
        "lead",
        [("PATCH", f"/leads/{STALE}", {"title": "Old lead", "source": "web", "stage": "QUALIFIED"})],
        {"id": STALE, "title": "Old lead", "source": "web", "stage": "QUALIFIED"},
    ),
    "a lead that is converted": Case(
        "lead",
        [("PATCH", f"/leads/{STALE}", {"stage": "CONVERTED"})],
        {"id": STALE, "title": "Old lead", "stage": "CONVERTED"},
        is_refused=True,
    ),
    "a lead whose contact is of another company": Case(
        "lead",
        [("PATCH", f"/leads/{STALE}", {"contactId": "<contact Uwe>"})],
        {"id": STALE, "title": "Old lead", "contact": "uwe@other.example"},
        is_refused=True,
    ),
    "a deal": Case(
        "deal",
        [("POST", "/deals", {
            "title": "New deal", "companyId": KNOWN, "contactId": "<contact Jutta>", "valueAmount": "1234.50",
            "currency": "CHF", "expectedCloseDate": "2026-12-31", "notes": "Soon", "ownerUserId": "<owner>",
            "pipelineStage": "proposal"})],
        {"title": "New deal", "company": "Known GmbH", "contact": "jutta@known.example", "valueAmount": "1.234,50",
         "currency": "CHF", "expectedCloseDate": "31.12.2026", "notes": "Soon", "owner": "olga@test.example",
         "pipelineStage": "Proposal"},
    ),
    "a deal that is changed, moved and won": Case(
        "deal",
        [("PATCH", f"/deals/{OLD}", {
            "title": "Old deal", "valueAmount": "7.00", "pipelineStage": "proposal", "stage": "WON"})],
        {"id": OLD, "title": "Old deal", "company": "Known GmbH", "valueAmount": "7", "stage": "won",
         "pipelineStage": "proposal"},
    ),
    "a deal that is lost for a reason": Case(
        "deal",
        [("POST", f"/deals/{OLD}/mark-lost", {"reason": "Price"})],
        {"id": OLD, "title": "Old deal", "company": "Known GmbH", "stage": "LOST", "lostReason": "Price"},
    ),
    "a deal that was lost for another reason": Case(
        "deal",
        [("PATCH", f"/deals/{LOST}", {"lostReason": "Time"})],
        {"id": LOST, "title": "Lost deal", "company": "Known GmbH", "lostReason": "Time"},
    ),
    "an open deal with a reason for its loss": Case(
        "deal",
        [("PATCH", f"/deals/{OLD}", {"lostReason": "Time"})],
        {"id": OLD, "title": "Old deal", "company": "", "lostReason": "Time"},
        is_refused=True,
    ),
    "a deal in a stage that nobody knows": Case(
        "deal",
        [("PATCH", f"/deals/{OLD}", {"pipelineStage": "nowhere"})],
        {"id": OLD, "title": "Old deal", "company": "", "pipelineStage": "nowhere"},
        is_refused=True,
    ),
    "a deal whose contact is of another company": Case(
        "deal",
        [("PATCH", f"/deals/{OLD}", {"contactId": "<contact Uwe>"})],
        {"id": OLD, "title": "Old deal", "company": "", "contact": "uwe@other.example"},
        is_refused=True,
    ),
    "a deal whose company is not that of its contact": Case(
        "deal",
        [("PATCH", f"/deals/{OLD}", {"companyId": "<company Other AG>"})],
        {"id": OLD, "title": "Old deal", "company": "Other AG"},
        is_refused=True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_file_does_what_the_doors_do(place: Place, case: Case) -> None:
    twin = await _twin(place)
    ours, theirs = await _begin(place), await _begin(twin)
    assert await _state(place) == await _state(twin)
    for method, path, body in case.calls:
        answer = await place.api.request(method, f"/api/v1{_named(path, ours)}", json=_named(body, ours))
        assert (answer.status_code >= 400) is case.is_refused, answer.text
    run = await uploaded(twin, _file(_named(dict(case.cells), theirs)), case.entity)
    await mapped(twin, run, mapping={name: name for name in case.cells}, duplicatePolicy="update")
    await ran(twin, run, "apply")
    [row] = await rows_of(twin, run)
    assert (row["verdict"] == "invalid") is case.is_refused, row
    assert await _state(twin) == await _state(place)


async def _twin(place: Place) -> Place:
    """Another organisation with the same people."""
    stand = replace(place.stand, org_id=new_id())
    place.identity.add_organisation(stand.org_id)
    for member in (place.stand.user_id, place.member.id):
        known = place.identity.known_members[place.org_id, member]
        place.identity.add_member(stand.org_id, user_id=member, name=known.name, email=known.email)
    return replace(place, stand=stand, api=stand.client())


async def _begin(place: Place) -> dict[str, str]:
    """What is there before: the ids by what they are called."""
    await place.made("/tags", name="VIP")
    known = await place.company(
        "Known GmbH",
        email="info@known.example",
        ownerUserId=place.owner,
        address={"line1": "Kai 1", "country": "DE"},
    )
    other = await place.company("Other AG")
    jutta = await place.contact("Jutta", companyId=known["id"], email="jutta@known.example")
    await place.contact("Uwe", companyId=other["id"], email="uwe@other.example")
    buyer = {"companyId": known["id"], "contactId": jutta["id"]}
    await place.lead("Old lead", **buyer)
    await place.deal(known, title="Old deal", contactId=jutta["id"])
    lost = await place.deal(known, title="Lost deal")
    await place.post(f"/deals/{lost['id']}/mark-lost", {"reason": "Price"})
    await place.made(
        "/custom-fields", entity="company", key="size", name="Size", type="number", required=True
    )
    return {f"<{label}>": found for found, label in (await _labels(place)).items()} | {"<owner>": place.owner}


def _named(given: Any, ids: Mapping[str, str]) -> Any:
    """With ids in the place of what they stand for."""
    return json.loads(re.sub(r"<[^<>]*>", lambda each: ids[each[0]], json.dumps(given)))


def _file(cells: Mapping[str, str]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([cells.keys(), cells.values()])
    return written.getvalue()


async def _all(place: Place, table: str, order: str = "1") -> list[Json]:
    wanted = text(
        f"SELECT to_jsonb(each) AS row FROM {table} AS each WHERE org_id = :org_id ORDER BY {order}"
    )
    async with place.stand.runtime.source.database.session(place.org_id) as session:
        return list(await session.scalars(wanted, {"org_id": place.org_id}))


async def _labels(place: Place) -> dict[str, str]:
    """What rows are called, by id."""
    return {
        row["id"]: f"{table} {row[name]}" for table, name in ROWS.items() for row in await _all(place, table)
    }


async def _state(place: Place) -> dict[str, list[str]]:
    """All that there is of an organisation's rows, without what is another one each time."""
    labels = await _labels(place)

    def told(row: Any) -> str:
        return UUID_TEXT.sub(
            lambda each: labels.get(each[0], "…"), json.dumps(row, sort_keys=True, default=str)
        )

    state = {table: sorted(told(row) for row in await _all(place, table)) for table in (*ROWS, *ABOUT_THEM)}
    history = [row for row in await _all(place, "activity", "at, id") if row["entity_type"] != "IMPORT"]
    entries = [{name: value for name, value in row.items() if name not in OF_THE_REQUEST} for row in history]
    facts = [
        (str(fact.aggregate_id), fact.type, fact.version, to_json(fact.message))
        for fact in await place.stand.facts()
        if ".import." not in fact.type
    ]
    # Of one row they have an order; of several, none that anybody could rely on.
    state["history"] = sorted(map(told, entries), key=lambda entry: json.loads(entry)["entity_id"])
    state["facts"] = sorted(map(told, facts), key=lambda fact: json.loads(fact)[0])
    return state
