"""Exports: the list as a file, noted before it leaves the house, harmless in a spreadsheet."""

import csv
import io

import pytest
from services.sales.tests.place import Json, Place, code_of
from services.sales.tests.service.test_imports import mapped, ran, uploaded
from sqlalchemy import text

from chassis.ids import new_id
from sales.http import exports

SINGULAR = {"companies": "company", "contacts": "contact", "leads": "lead", "deals": "deal"}


async def rows(place: Place, entity: str, **query: str) -> list[dict[str, str]]:
    """An export as a spreadsheet reads it."""
    answer = await place.get(f"/exports/{entity}.csv", **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{entity}-2026-03-10.csv"'
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_companies_with_the_filters_of_their_list(place: Place) -> None:
    await place.company("=cmd()", phone="+49 40 1", ownerUserId=place.owner)
    await place.company('Ätna, "Süd"', address={"city": "Hamburg", "line1": "a\nb"})
    gone = await place.company("Gone")
    await place.post(f"/companies/{gone['id']}/archive")
    first, second = await rows(place, "companies")
    assert (first["name"], first["phone"], first["owner"]) == ("'=cmd()", "'+49 40 1", "olga@test.example")
    assert (second["name"], second["address.city"], second["address.line1"]) == (
        'Ätna, "Süd"',
        "Hamburg",
        "a\nb",
    )
    assert [row["name"] for row in await rows(place, "companies", q="ätna")] == ['Ätna, "Süd"']
    assert [row["name"] for row in await rows(place, "companies", archived="true", q="gone")] == ["Gone"]
    assert code_of(await place.get("/exports/companies.csv", stage="NEW"), 400) == "VALIDATION_ERROR"


async def test_every_entity_has_its_columns(place: Place) -> None:
    company = await place.company()
    await place.contact(companyId=company["id"], email="j@brandt.example")
    await place.lead(companyId=company["id"], notes="@home")
    await place.deal(company, valueAmount="1200.5", currency="EUR")
    [contact] = await rows(place, "contacts")
    [lead] = await rows(place, "leads", stage="NEW")
    [deal] = await rows(place, "deals")
    assert (contact["company"], contact["email"]) == ("Brandt GmbH", "j@brandt.example")
    assert (lead["company"], lead["notes"]) == ("Brandt GmbH", "'@home")
    assert (deal["valueAmount"], deal["company"], deal["stage"]) == ("1200.50", "Brandt GmbH", "OPEN")


async def test_tags_and_fields_of_ones_own_have_columns(place: Place) -> None:
    await place.made("/custom-fields", entity="company", key="size", name="Size", type="number")
    await place.made("/custom-fields", entity="company", key="colour", name="Colour", type="text")
    run = await uploaded(place, 'Name,Tags,cf.size,cf.colour\nA,"x, y",7,red\nB,,,\n')
    await mapped(place, run)
    await ran(place, run, "apply")
    first, second = await rows(place, "companies")
    assert (first["tags"], first["cf.size"], first["cf.colour"]) == ("x, y", "7", "red")
    assert (second["tags"], second["cf.size"]) == ("", "")
    assert [row["name"] for row in await rows(place, "companies", **{"cf.size": "7"})] == ["A"]
    assert [row["name"] for row in await rows(place, "companies", tag="X")] == ["A"]
    assert (await place.get("/exports/companies.csv", **{"cf.unknown": "7"})).status_code == 400


async def test_more_than_one_batch_and_an_entry_of_who_took_it(place: Place, monkeypatch: object) -> None:
    monkeypatch.setattr(exports, "BATCH", 2)  # type: ignore[attr-defined]
    for name in "ABCDE":
        await place.company(name)
    assert [row["name"] for row in await rows(place, "companies", q="")] == list("ABCDE")
    entry = text("SELECT actor, after FROM activity WHERE org_id = :org_id AND action = 'EXPORT'")
    async with place.stand.runtime.source.database.session(place.org_id) as session:
        [kept] = (await session.execute(entry, {"org_id": place.org_id})).all()
    assert kept.actor["id"] == str(place.stand.user_id)
    assert kept.after == {"entity": "companies", "count": 5, "filters": {"q": ""}}


@pytest.mark.parametrize("entity", ["companies", "contacts", "leads", "deals"])
async def test_an_export_can_be_imported_again(place: Place, entity: str) -> None:
    company = await place.company("+Plus GmbH", phone="+49 40 1", address={"city": "Kiel", "line1": "a\nb"})
    contact = await place.contact("Jutta", companyId=company["id"], email="j@x.example", tags=["vip"])
    await place.lead("Line", companyId=company["id"], contactId=contact["id"], notes="Call")
    await place.deal(company, title="Press", contactId=contact["id"], valueAmount="7.50", notes="Soon")
    before: list[Json] = (await place.get(f"/{entity}")).json()["items"]
    answer = await place.get(f"/exports/{entity}.csv")
    run = await uploaded(place, answer.content, SINGULAR[entity])
    await mapped(place, run, duplicatePolicy="update", matchBy=["id"])
    assert (await ran(place, run, "apply"))["counters"]["update"] == 1
    assert (await place.get(f"/{entity}")).json()["items"] == before


async def test_nothing_of_another_organisation(place: Place) -> None:
    await place.company("Ours")
    elsewhere = new_id()
    place.identity.add_organisation(elsewhere)
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        assert "Ours" not in (await stranger.get("/api/v1/exports/companies.csv")).text
