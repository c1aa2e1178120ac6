"""Companies that look alike: noticed when one is written, explained, told once and never merged by themselves."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest
from services.sales.tests.place import WAITING, Json, Place, code_of

from chassis.auth import system_actor
from chassis.ids import new_id
from sales.domain.likeness import likeness
from sales.store.duplicates import MAX_ALIKE
from sales.usecases.companies import create_company
from sales.usecases.duplicates import MAX_PAIRS

BERLIN = {"city": "Berlin", "country": "DE"}
PARIS = {"city": "Paris", "country": "FR"}


async def alike(place: Place, **query: Any) -> list[tuple[set[str], int, list[str]]]:
    answer = await place.get("/companies/duplicates", **query)
    assert answer.status_code == 200, answer.text
    return [
        ({each["a"]["name"], each["b"]["name"]}, each["score"], each["reasons"])
        for each in answer.json()["items"]
    ]


@pytest.mark.parametrize(
    ("one", "other", "score", "reasons"),
    [
        ({"email": "Office@X.example"}, {"email": "office@x.example"}, 100, ["EMAIL"]),
        ({"phone": "+49 30 / 123-456"}, {"phone": "0049 (0)30 123456", "address": BERLIN}, 90, ["PHONE"]),
        ({"phone": "030 123456", "address": BERLIN}, {"phone": "+4930123456"}, 90, ["PHONE"]),
        ({"email": "a@x.example", "phone": "+49301234567"}, {"email": "a@x.example", "phone": "+49301234567"},
         100, ["EMAIL", "PHONE"]),
    ],
)  # fmt: skip
async def test_same_address_and_same_number(
    place: Place, one: Json, other: Json, score: int, reasons: list[str]
) -> None:
    await place.company("Alpha", **one)
    await place.company("Omega", **other)
    assert await alike(place) == [({"Alpha", "Omega"}, score, reasons)]


@pytest.mark.parametrize(
    ("names", "one", "other", "reasons"),
    [
        (("Nordwind Logistik", "Nordwind Logistk"), {"address": BERLIN}, {"address": BERLIN}, ["NAME_AND_COUNTRY"]),
        (("Brandt GmbH", "Brandt AG"), {"address": BERLIN}, {"vatId": "DE136695976"}, ["NAME_AND_COUNTRY"]),
        (("Müller Söhne", "Mueller Söhne"), {"address": BERLIN}, {"address": BERLIN}, ["NAME_AND_COUNTRY"]),
        (("Metall Brandt", "Brandt Metall"), {"website": "https://www.brandt.example/de"},
         {"email": "a@brandt.example"}, ["NAME_AND_DOMAIN"]),
        (("Nordwind", "Nordwnd"), {"address": BERLIN, "website": "nord.example"},
         {"address": BERLIN, "website": "http://NORD.example"}, ["NAME_AND_COUNTRY", "NAME_AND_DOMAIN"]),
    ],
)  # fmt: skip
async def test_similar_names_count_where_country_or_domain_is_the_same(
    place: Place, names: tuple[str, str], one: Json, other: Json, reasons: list[str]
) -> None:
    await place.company(names[0], **one)
    await place.company(names[1], **other)
    assert await alike(place) == [(set(names), 70, reasons)]


@pytest.mark.parametrize(
    ("names", "one", "other"),
    [
        (("Nordwind", "Nordwnd"), {"address": BERLIN}, {"address": PARIS}),
        (("Nordwind", "Nordwnd"), {}, {}),
        (("Nordwind", "Nordlicht"), {"address": BERLIN}, {"address": BERLIN}),
        (("Lagerhaus Nord 3", "Lagerhaus Nord 4"), {"address": BERLIN}, {"address": BERLIN}),
        (("Nordwind", "Nordwnd"), {"email": "a@gmail.com"}, {"email": "b@gmail.com"}),
        (("Alpha", "Omega"), {"website": "x.example"}, {"website": "x.example"}),
        (("Alpha", "Omega"), {"phone": "110"}, {"phone": "110"}),
    ],
)
async def test_what_says_too_little_is_no_duplicate(
    place: Place, names: tuple[str, str], one: Json, other: Json
) -> None:
    await place.company(names[0], **one)
    await place.company(names[1], **other)
    assert await alike(place) == []
    assert await place.stand.facts("sales.duplicate.detected.v1") == []


async def test_number_without_a_country_is_of_the_organisations(place: Place) -> None:
    await place.change_organisation()
    await place.company("Alpha", phone="030 123456")
    await place.company("Omega", phone="030/123 456")
    assert await alike(place) == [({"Alpha", "Omega"}, 90, ["PHONE"])]


async def test_a_pair_is_told_once_with_its_reasons(place: Place) -> None:
    alpha = await place.company("Alpha", email="a@x.example")
    omega = await place.company("Omega", email="a@x.example", phone="+49301234567")
    told = await place.fact("duplicate.detected")
    assert (told.company.id, told.other.id, told.other.name) == (omega["id"], alpha["id"], "Alpha")
    assert (told.score, list(told.reasons)) == (100, ["EMAIL"])
    await place.patch(f"/companies/{alpha['id']}", {"phone": "+49 30 1234567"})
    assert await alike(place) == [({"Alpha", "Omega"}, 100, ["EMAIL", "PHONE"])]
    await place.patch(f"/companies/{alpha['id']}", {"email": None, "phone": None})
    assert await alike(place) == []
    await place.patch(f"/companies/{alpha['id']}", {"email": "a@x.example"})
    assert await alike(place) == [({"Alpha", "Omega"}, 100, ["EMAIL"])]
    assert len(await place.stand.facts("sales.duplicate.detected.v1")) == 1


async def test_change_makes_a_duplicate_too(place: Place) -> None:
    await place.company("Alpha", email="a@x.example")
    omega = await place.company("Omega")
    await place.patch(f"/companies/{omega['id']}", {"industry": "Steel"})
    assert await alike(place) == []
    await place.patch(f"/companies/{omega['id']}", {"email": "A@x.example"})
    assert len(await alike(place)) == 1


async def test_archived_companies_are_nobodys_duplicates(place: Place) -> None:
    alpha = await place.company("Alpha", email="a@x.example")
    await place.post(f"/companies/{alpha['id']}/archive")
    await place.company("Omega", email="a@x.example")
    assert await alike(place) == []
    await place.post(f"/companies/{alpha['id']}/restore")
    assert len(await alike(place)) == 1


async def test_an_archived_company_that_becomes_alike_is_nobodys_duplicate(place: Place) -> None:
    alpha = await place.company("Alpha")
    await place.post(f"/companies/{alpha['id']}/archive")
    await place.company("Omega", email="a@x.example")
    await place.patch(f"/companies/{alpha['id']}", {"email": "a@x.example"})
    assert await place.stand.facts("sales.duplicate.detected.v1") == []
    await place.post(f"/companies/{alpha['id']}/restore")
    assert len(await place.stand.facts("sales.duplicate.detected.v1")) == 1


async def test_undoing_a_merge_into_a_company_archived_since_tells_no_duplicate_of_it(place: Place) -> None:
    alpha, beta = await place.company("Alpha", email="a@x.example"), await place.company("Beta")
    merge = await place.post("/companies/merge", {"survivorId": alpha["id"], "mergedId": beta["id"]})
    await place.post(f"/companies/{alpha['id']}/archive")
    await place.company("Omega", email="a@x.example")
    answer = await place.post(f"/companies/merges/{merge.json()['mergeId']}/revert")
    assert answer.status_code == 200, answer.text
    assert await place.stand.facts("sales.duplicate.detected.v1") == []


async def test_pairs_are_paged_by_score(place: Place) -> None:
    for name, fields in (
        ("Alpha", {"email": "a@x.example"}), ("Beta", {"email": "a@x.example", "phone": "+49301234567"}),
        ("Gamma", {"phone": "+49301234567"}),
    ):  # fmt: skip
        await place.company(name, **fields)
    assert [score for _, score, _ in await alike(place)] == [100, 90]
    assert [score for _, score, _ in await alike(place, minScore=91)] == [100]
    first = await place.get("/companies/duplicates", pageSize=1)
    assert (first.json()["total"], first.headers["server-timing"]) == (2, "db;desc=2")
    after = (await place.get("/companies/duplicates", limit=1, cursor=first.json()["nextCursor"])).json()
    assert [each["score"] for each in after["items"]] == [90]
    for bad in ({"minScore": 101}, {"minScore": -1}, {"sortBy": "name"}, {"q": "x"}):
        assert code_of(await place.get("/companies/duplicates", **bad), 400) == "VALIDATION_ERROR"


async def test_what_one_write_compares_is_bounded_however_many_share_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not quadratic (weakness W57): the newest that share a key are compared, the most alike of them are kept."""
    many = [
        {"op": "create", "data": {"name": f"Office {number}", "phone": "+4930123456"}}
        for number in range(MAX_ALIKE + 10)
    ]
    assert (await place.post("/companies/batch", {"operations": many})).status_code == 200
    compared = Mock(side_effect=likeness)
    monkeypatch.setattr("sales.usecases.duplicates.likeness", compared)
    place.stand.clock.advance(seconds=1)
    await place.company("Newest", phone="+4930123456")
    assert compared.call_count == MAX_ALIKE
    newest = await alike(place, sortBy="detectedAt", sortDir="desc", pageSize=100)
    assert sum("Newest" in names for names, _, _ in newest) == MAX_PAIRS


async def test_another_organisations_company_is_nobodys_duplicate(place: Place) -> None:
    await place.company("Alpha", email="a@x.example")
    elsewhere = new_id()
    place.identity.add_organisation(elsewhere)
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        made = await stranger.post("/api/v1/companies", json={"name": "Alpha", "email": "a@x.example"})
        assert made.status_code == 201
        assert (await stranger.get("/api/v1/companies/duplicates")).json()["items"] == []
    assert await alike(place) == []


async def test_companies_of_the_same_instant_are_noticed_in_the_end(place: Place) -> None:
    """None of the transactions sees the companies of the others: each begins before the first one has ended."""
    both = asyncio.Barrier(2)

    async def create(name: str) -> None:
        async with place.stand.runtime.source.tx(system_actor(place.org_id)) as tx:
            await create_company(tx, {"name": name, "email": "office@x.example"})
            await both.wait()

    await asyncio.gather(create("Alpha"), create("Omega"))
    assert await place.stand.run_deferred() == ["compare-again"]
    assert await alike(place) == [({"Alpha", "Omega"}, 100, ["EMAIL"])]
    assert len(await place.stand.facts("sales.duplicate.detected.v1")) == 1
    await place.company("Gamma", email="gamma@x.example")
    assert await place.stand.run_deferred() == []


async def test_looking_again_waits_for_whoever_was_first(place: Place) -> None:
    source, actor = place.stand.runtime.source, system_actor(place.org_id)
    async with source.tx(actor) as first:
        await create_company(first, {"name": "Alpha", "phone": "+49 30 123456"})
        async with source.tx(actor) as second:
            await create_company(second, {"name": "Omega", "phone": "+49 30 123456"})
        again = asyncio.ensure_future(place.stand.run_deferred())
        async with asyncio.timeout(2), place.stand.runtime.system.session(None) as watch:
            while await watch.scalar(WAITING) == 0:  # noqa: ASYNC110 - the database has no event for it
                await asyncio.sleep(0.01)
    await again
    assert await alike(place) == [({"Alpha", "Omega"}, 90, ["PHONE"])]
