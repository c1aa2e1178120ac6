"""Rows that older code wrote come into the search, and companies into the comparison."""

from services.sales.tests.place import Place
from sqlalchemy import text

FORGET = (
    "DELETE FROM search_document",
    "DELETE FROM search_word",
    "DELETE FROM company_key",
    "DELETE FROM company_pair",
)


async def test_rows_that_were_never_indexed_are_found_after_the_job(place: Place) -> None:
    company = await place.company("Alpha", email="a@x.example")
    await place.company("Omega", email="a@x.example")
    for row in (
        place.contact("Alpha contact"),
        place.lead("Alpha lead"),
        place.deal(company, title="Alpha deal"),
    ):
        await row
    async with place.stand.runtime.system.session(None) as session:
        for statement in FORGET:
            await session.execute(text(f"{statement} WHERE org_id = :org_id"), {"org_id": place.org_id})
        await session.commit()
    assert (await place.get("/search", q="alpha")).json()["items"] == []
    for _ in range(2):
        await place.stand.run_periodic("index-rows")
        await place.stand.run_deferred()
        found = (await place.get("/search", q="alpha")).json()["items"]
        assert {each["type"] for each in found} == {"company", "contact", "lead", "deal"}
        assert (await place.get("/companies/duplicates")).json()["total"] == 1


async def test_rows_that_older_code_has_changed_are_found_as_they_are(place: Place) -> None:
    company = await place.company("Alpha")
    older = text("UPDATE company SET name = 'Omega', version = version + 1 WHERE id = :id")
    async with place.stand.runtime.system.session(None) as session:
        await session.execute(older, {"id": company["id"]})
        await session.commit()
    await place.stand.run_periodic("index-rows")
    assert [each["title"] for each in (await place.get("/search", q="omega")).json()["items"]] == ["Omega"]
    assert (await place.get("/search", q="alpha")).json()["items"] == []
