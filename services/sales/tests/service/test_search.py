"""Search: words as prefixes over names, titles, addresses and numbers, ranked, within what the reader may read."""

from typing import Any

import psycopg
import pytest
from services.sales.tests.place import Json, Place, code_of
from services.sales.tests.service.test_schema import plan, scans
from sqlalchemy import text

from chassis.ids import new_id
from chassis.testing.databases import Databases
from sales.domain.words import wanted
from sales.store import search

ROWS = 300
DOCUMENTS = """
    INSERT INTO search_document (org_id, entity_type, entity_id, row_version, title, title_key)
    SELECT org_id, 'company', gen_random_uuid(), 1, 'Brandt ' || n, 'brandt ' || n
    FROM unnest(CAST(:orgs AS uuid[])) AS org_id, generate_series(1, :rows) AS n
"""
WORDS = """
    INSERT INTO search_word (org_id, word, entity_type, entity_id, weight)
    SELECT org_id, word, entity_type, entity_id, 1
    FROM search_document, regexp_split_to_table(title_key, ' ') AS word WHERE org_id = ANY(CAST(:orgs AS uuid[]))
"""

MANY_DOCUMENTS = text("""
    INSERT INTO search_document (org_id, entity_type, entity_id, row_version, title, title_key)
    SELECT :org_id, 'company', gen_random_uuid(), 1, 'Brandt Metall ' || n, 'brandt metall ' || n
    FROM generate_series(1, :rows) AS n
""")
MANY_WORDS = text("""
    INSERT INTO search_word (org_id, word, entity_type, entity_id, weight)
    SELECT org_id, word || CASE WHEN word ~ '[0-9@]' THEN right(title_key, 4) ELSE '' END, entity_type, entity_id, 1
    FROM search_document, unnest(ARRAY['brandt', 'metall', '4930123456', 'info@brandt.example']) AS word
    WHERE org_id = :org_id AND title_key LIKE 'brandt metall %'
""")


async def found(place: Place, q: str, **query: Any) -> list[str]:
    answer = await place.get("/search", q=q, **query)
    assert answer.status_code == 200, answer.text
    return [each["title"] for each in answer.json()["items"]]


async def rows(place: Place) -> Json:
    company = await place.company(
        "Müller & Søn Straße", email="office@mueller-soen.example", industry="Steel"
    )
    await place.contact(
        "Åsa Lindström",
        title="Einkauf",
        companyId=company["id"],
        channels=[
            {"kind": "email", "value": "Asa.Lindstroem@soen.example", "isPrimary": True},
            {"kind": "phone", "value": "+49 170 1234567", "isPrimary": True},
            {"kind": "phone", "value": "040 / 999 888"},
        ],
    )
    await place.lead("Presse 東京都庁 line", source="fair", companyId=company["id"])
    await place.deal(company, title="Retrofit 2024 2025")
    return company


async def test_answer_has_the_shape_of_the_wire(place: Place) -> None:
    company = await rows(place)
    answer = (await place.get("/search", q="muller", types="company", limit=1)).json()
    assert answer == {
        "items": [
            {
                "type": "company",
                "id": company["id"],
                "title": "Müller & Søn Straße",
                "subtitle": "Steel",
                "score": 90,
                "link": f"/sales/companies/{company['id']}",
            }
        ]
    }


@pytest.mark.parametrize(
    ("q", "titles"),
    [
        ("muller", ["Müller & Søn Straße"]),
        ("MUELLER", ["Müller & Søn Straße"]),
        ("Müller strasse", ["Müller & Søn Straße"]),
        ("stras mül", ["Müller & Søn Straße"]),
        ("son mull", ["Müller & Søn Straße"]),
        ("office@mueller", ["Müller & Søn Straße"]),
        ("asa", ["Åsa Lindström"]),
        ("asa.lindstroem@soen.example", ["Åsa Lindström"]),
        ("soen.example", ["Åsa Lindström"]),
        ("+49 170 1234", ["Åsa Lindström"]),
        ("0049170", ["Åsa Lindström"]),
        ("0170 12345", ["Åsa Lindström"]),
        ("170123", ["Åsa Lindström"]),
        ("040 999", ["Åsa Lindström"]),
        ("都庁", ["Presse 東京都庁 line"]),
        ("presse fair", ["Presse 東京都庁 line"]),
        ("retro 2024", ["Retrofit 2024 2025"]),
        ("2024 2025", ["Retrofit 2024 2025"]),
        ("muller nothing", []),
        ("uller", []),
        ("!!!", []),
        ("%", []),
        ("' | a:*", []),
    ],
)
async def test_every_word_is_the_beginning_of_one_of_the_row(place: Place, q: str, titles: list[str]) -> None:
    await rows(place)
    kinds = "contact,lead,deal" if titles and not titles[0].startswith("Müller") else "company"
    assert await found(place, q, types=kinds) == titles


async def test_what_belongs_to_a_company_is_found_by_its_name_and_comes_after_it(place: Place) -> None:
    await rows(place)
    assert await found(place, "muller") == [
        "Müller & Søn Straße", "Retrofit 2024 2025", "Presse 東京都庁 line", "Åsa Lindström",
    ]  # fmt: skip
    assert await found(place, "muller asa") == ["Åsa Lindström"]


async def test_a_new_name_of_a_company_is_that_of_all_it_has(place: Place) -> None:
    company = await rows(place)
    await place.patch(f"/companies/{company['id']}", {"name": "Nordwind"})
    assert await found(place, "muller", types="lead,deal,contact") == []
    assert len(await found(place, "nordwind")) == 4
    shown = (await place.get("/search", q="nordwind", types="deal")).json()["items"]
    assert shown[0]["subtitle"] == "Nordwind"


async def test_exact_titles_come_first_then_beginnings_then_titles_then_the_rest(place: Place) -> None:
    for name in ("Hansa", "Neue Hansa", "Hansa Werft"):
        await place.company(name)
        place.stand.clock.advance(minutes=1)
    await place.company("Elbe", legalName="Hansa Elbe GmbH")
    answer = (await place.get("/search", q="hansa")).json()["items"]
    assert [(each["title"], each["score"]) for each in answer] == [
        ("Hansa", 100), ("Hansa Werft", 90), ("Neue Hansa", 70), ("Elbe", 40),
    ]  # fmt: skip


async def test_exact_address_comes_before_those_that_begin_like_it(place: Place) -> None:
    await place.contact("Exact", email="info@acme.example", companyId=None)
    for number in range(3):
        place.stand.clock.advance(minutes=1)
        await place.contact(f"Longer {number}", email=f"info@acme.example{number}.test")
    assert (await found(place, "INFO@acme.example"))[0] == "Exact"
    answer = (await place.get("/search", q="info@acme.example")).json()["items"]
    assert [each["score"] for each in answer] == [95, 40, 40, 40]


WRITTEN = [
    "+49 30 123456",
    "+49 (0)30 123456",
    "+49 (0) 30 / 123456",
    "0049 30 123456",
    "0049 (0)30 123456",
    "030 123456",
    "(030) 123 456",
    "030/123-456",
    "+49\u00a030\u00a0123\u2013456",
]


@pytest.mark.parametrize("kept", ["+49 30 123456", "0049 (0)30 123456", "030 / 123456"])
@pytest.mark.parametrize("typed", WRITTEN)
async def test_number_is_found_in_any_way_of_writing_it(place: Place, kept: str, typed: str) -> None:
    await place.company("Exact", phone=kept)
    for number in range(3):
        place.stand.clock.advance(minutes=1)
        await place.company(f"Extension {number}", phone=f"{kept}{number}")
    assert (await found(place, typed))[0] == "Exact"


async def test_the_best_answer_comes_first_however_many_there_are(place: Place) -> None:
    """More rows hold each of the words than are looked at."""
    await place.company("Metall Brandt", phone="+49 30 123456", email="info@brandt.example")
    given = {"org_id": place.org_id, "rows": search.MAX_MATCHES + 500}
    async with place.stand.runtime.system.session(None) as session:
        await session.execute(MANY_DOCUMENTS, given)
        await session.execute(MANY_WORDS, given)
        await session.commit()
    for q in ("metall brandt", "+49 (0)30 123456", "info@brandt.example"):
        assert (await found(place, q))[0] == "Metall Brandt", q


async def test_every_channel_is_found_however_long_the_name(place: Place) -> None:
    name = "".join(chr(0x4E00 + n) for n in range(120))
    channels = [{"kind": "email", "value": f"anna-{n}@firma-{n}.example"} for n in range(20)]
    await place.contact(name, channels=channels)
    for each in channels:
        assert await found(place, each["value"]) == [name]


async def test_changes_are_found_at_once_and_what_is_put_away_is_not(place: Place) -> None:
    company = await place.company("Alpha")
    path = f"/companies/{company['id']}"
    await place.patch(path, {"name": "Omega", "phone": "+49 40 1234567"})
    assert (await found(place, "alpha"), await found(place, "omega")) == ([], ["Omega"])
    await place.post(f"{path}/archive")
    assert await found(place, "omega") == []
    await place.post(f"{path}/restore")
    assert await found(place, "4940123") == ["Omega"]


async def test_readers_find_only_what_they_may_read(place: Place) -> None:
    await rows(place)
    async with place.stand.client("contacts:read", "deals:read") as reader:
        answer = await reader.get("/api/v1/search", params={"q": "muller"})
        assert {each["type"] for each in answer.json()["items"]} == {"contact", "deal"}
        answer = await reader.get("/api/v1/search", params={"q": "muller", "types": "company"})
        assert answer.json() == {"items": []}
    async with place.stand.client("work-items:read") as nobody:
        assert code_of(await nobody.get("/api/v1/search", params={"q": "muller"}), 403) == "FORBIDDEN"


@pytest.mark.parametrize(
    "query",
    [{}, {"q": ""}, {"q": " "}, {"q": "x" * 256}, {"q": "\x00"}, {"q": "a", "types": "invoice"},
     {"q": "a", "types": ""}, {"q": "a", "limit": 0}, {"q": "a", "limit": 51}, {"q": "a", "page": 1}],
)  # fmt: skip
async def test_bad_queries_are_refused(place: Place, query: Json) -> None:
    assert code_of(await place.get("/search", **query), 400) == "VALIDATION_ERROR"


async def test_search_is_one_statement(place: Place) -> None:
    await rows(place)
    for q in ("muller", "muller asa", "a b c d e f g h i j k l m n o"):
        assert (await place.get("/search", q=q)).headers["server-timing"] == "db;desc=1"


async def test_another_organisation_finds_nothing_of_ours(place: Place) -> None:
    await rows(place)
    elsewhere = new_id()
    place.identity.add_organisation(elsewhere)
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        assert (await stranger.get("/api/v1/search", params={"q": "muller"})).json() == {"items": []}


@pytest.mark.parametrize("words", [["brandt"], ["brandt", "7"]])
async def test_search_looks_at_words_of_one_organisation_only(
    place: Place, databases: Databases, words: list[str]
) -> None:
    orgs = [place.org_id, *(new_id() for _ in range(19))]
    async with place.stand.runtime.system.session(None) as session:
        await session.execute(text(DOCUMENTS), {"orgs": orgs, "rows": ROWS})
        await session.execute(text(WORDS), {"orgs": orgs})
        await session.commit()
    with psycopg.connect(databases.url("sales", "owner"), autocommit=True) as owner:
        owner.execute("ANALYZE search_document, search_word")
    parameters = search.parameters(
        place.org_id, wanted(" ".join(words)), title=" ".join(words), types=["company"], limit=20
    )
    query = search.FIND_WORD if len(words) == 1 else search.FIND_WORDS
    for name, looked_at in scans(await plan(place, query, **parameters)):
        assert looked_at <= 2 * ROWS, name
