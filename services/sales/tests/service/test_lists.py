"""Lists: filters, orders, pages and cursors, each in one statement."""

from typing import Any

import pytest
from services.sales.tests.place import NOBODY, Place, code_of

LISTS = {"/companies": "name", "/contacts": "name", "/leads": "title", "/deals": "title"}


async def fill(place: Place, path: str, *names: str, **fields: Any) -> None:
    """Rows of these names, a minute apart."""
    company: dict[str, Any] = {}
    if path == "/deals":
        company = {
            "companyId": (await place.company(f"Company of {names[0]}"))["id"],
            "ownerUserId": place.owner,
        }
    for name in names:
        await place.made(path, **{LISTS[path]: name} | company | fields)
        place.stand.clock.advance(minutes=1)


@pytest.mark.parametrize("path", LISTS)
async def test_pages_are_counted_and_ordered(place: Place, path: str) -> None:
    await fill(place, path, "b", "A", "c")
    key = LISTS[path]
    assert await place.names(path, key) == ["c", "A", "b"] if path != "/companies" else True
    assert await place.names(path, key, sortBy=key, sortDir="asc") == ["A", "b", "c"]
    page = (await place.get(path, sortBy=key, sortDir="asc", pageSize=2)).json()
    assert (page["page"], page["pageSize"], page["total"], page["totalCount"]) == (1, 2, 3, 3)
    assert [item[key] for item in page["items"]] == ["A", "b"]
    more = (await place.get(path, sortBy=key, sortDir="asc", cursor=page["nextCursor"], limit=2)).json()
    assert ([item[key] for item in more["items"]], more["nextCursor"]) == (["c"], None)
    for bad in (
        {"sortBy": "id"},
        {"sortDir": "up"},
        {"page": 0},
        {"pageSize": 101},
        {"cursor": "x"},
        {"surprise": "x"},
    ):
        assert code_of(await place.get(path, **bad), 400) == "VALIDATION_ERROR", bad


@pytest.mark.parametrize("path", LISTS)
async def test_list_costs_one_statement_at_any_page(place: Place, path: str) -> None:
    await fill(place, path, *(f"row {number:02}" for number in range(12)), ownerUserId=place.owner)
    for query in (
        {},
        {"pageSize": 1},
        {"page": 3, "pageSize": 5},
        {"limit": 5},
        {"q": "row", "pageSize": 100},
    ):
        answer = await place.get(path, **query)
        assert answer.headers["server-timing"] == "db;desc=1", query
        assert answer.json()["items"]
    for page, sought, total in ((9, "row", 12), (2, "nothing", 0), (1, "nothing", 0)):
        answer = await place.get(path, page=page, q=sought)
        assert answer.headers["server-timing"] == "db;desc=1", (page, sought)
        assert (answer.json()["items"], answer.json()["total"]) == ([], total)
    row = (await place.get(path)).json()["items"][0]
    assert (await place.get(f"{path}/{row['id']}")).headers["server-timing"] == "db;desc=1"


@pytest.mark.parametrize("path", LISTS)
async def test_text_owner_and_unknown_filters(place: Place, path: str) -> None:
    await fill(place, path, "Größe 100%", "GRÖSSE_2", ownerUserId=place.owner)
    key = LISTS[path]
    assert await place.names(path, key, q="größe", sortDir="asc") == ["Größe 100%"]
    assert await place.names(path, key, q="0%") == ["Größe 100%"]
    assert await place.names(path, key, q="größe%2") == []
    assert await place.names(path, key, q="_2") == ["GRÖSSE_2"]
    assert len(await place.names(path, key, ownerUserId=place.owner)) == 2
    assert await place.names(path, key, ownerUserId=NOBODY) == []
    for bad in ({"ownerUserId": "me"}, {"q": "x" * 256}, {"q": "a\x00b"}, {"createdFrom": "soon"}):
        assert code_of(await place.get(path, **bad), 400) == "VALIDATION_ERROR", bad


@pytest.mark.parametrize("path", LISTS)
async def test_days_are_those_of_the_organisation(place: Place, path: str) -> None:
    await place.change_organisation(time_zone="Pacific/Auckland")  # 13 hours ahead in March
    await fill(place, path, "first")  # at noon UTC on the 10th: the 11th in Auckland
    if path == "/deals":
        place.stand.clock.advance(minutes=-1)
    key = LISTS[path]
    found = {
        ("createdFrom", "2026-03-11"): True,
        ("createdFrom", "2026-03-12"): False,
        ("createdTo", "2026-03-10"): False,
        ("createdTo", "2026-03-11"): True,
        ("createdFrom", "2026-03-10T12:00:00Z"): True,
        ("createdFrom", "2026-03-10T12:00:01Z"): False,
        ("createdTo", "2026-03-11T01:00:00+13:00"): True,
        ("createdTo", "2026-03-10T11:59:59Z"): False,
        ("createdTo", "9999-12-31"): True,
    }
    for (name, value), is_found in found.items():
        assert (await place.names(path, key, **{name: value}) == ["first"]) is is_found, (name, value)
    assert code_of(await place.get(path, createdTo="2026-03-11T01:00:00"), 400) == "VALIDATION_ERROR"


async def test_archived_rows_are_shown_on_request(place: Place) -> None:
    company = await place.company("Away")
    await place.company("Here")
    await place.post(f"/companies/{company['id']}/archive")
    assert await place.names("/companies") == ["Here"]
    assert sorted(await place.names("/companies", archived=True)) == ["Away", "Here"]
    assert sorted(await place.names("/companies", archived="true", q="a")) == ["Away"]


async def test_contacts_by_company_and_by_address(place: Place) -> None:
    company = await place.company()
    await place.contact("In", companyId=company["id"], email="in@x.test")
    await place.contact("Out", phone="+49 1")
    assert await place.names("/contacts", companyId=company["id"]) == ["In"]
    assert await place.names("/contacts", q="IN@X") == ["In"]
    assert await place.names("/contacts", q="+49") == ["Out"]
    assert await place.names(f"/companies/{company['id']}/contacts", sortBy="title") == ["In"]
    assert code_of(await place.get(f"/companies/{NOBODY}/contacts"), 404) == "NOT_FOUND"
    assert code_of(await place.get(f"/companies/{company['id']}/contacts", companyId=NOBODY), 400)


async def test_leads_and_deals_by_stage_and_company(place: Place) -> None:
    company = await place.company()
    await place.lead("New", companyId=company["id"])
    await place.lead("Qualified", stage="QUALIFIED")
    won = await place.deal(company, title="Won")
    await place.deal(title="Open")
    await place.post(f"/deals/{won['id']}/mark-won")
    assert await place.names("/leads", "title", stage="QUALIFIED") == ["Qualified"]
    assert await place.names("/leads", "title", companyId=company["id"]) == ["New"]
    assert await place.names("/deals", "title", stage="WON") == ["Won"]
    assert await place.names("/deals", "title", stage="WON", companyId=company["id"], ownerUserId=place.owner)
    assert await place.names("/deals", "title", stage="LOST") == []
    assert code_of(await place.get("/deals", stage="won"), 400) == "VALIDATION_ERROR"


async def test_stages_are_sorted_as_they_follow_each_other(place: Place) -> None:
    await place.lead("qualified", stage="QUALIFIED")
    await place.lead("new")
    disqualified = await place.lead("disqualified")
    await place.post(f"/leads/{disqualified['id']}/disqualify")
    for title, command in (("lost", "mark-lost"), ("won", "mark-won")):
        deal = await place.deal(title=title)
        await place.post(f"/deals/{deal['id']}/{command}")
    await place.deal(title="open")
    for path, expected in (
        ("/leads", ["new", "qualified", "disqualified"]),
        ("/deals", ["open", "won", "lost"]),
    ):
        assert await place.names(path, "title", sortBy="stage", sortDir="asc") == expected
        assert await place.names(path, "title", sortBy="stage") == expected[::-1]
        page = (await place.get(path, sortBy="stage", limit=1)).json()
        rest = await place.names(path, "title", sortBy="stage", cursor=page["nextCursor"])
        assert rest == expected[1::-1]


async def test_deals_by_value_whatever_digits_their_currency_has(place: Place) -> None:
    for title, amount, currency in (
        ("none", None, "EUR"),
        ("yen", "900", "JPY"),
        ("euro", "20.50", "EUR"),
        ("dinar", "20.501", "KWD"),
        ("much", "1000000000000", "JPY"),
    ):
        await place.deal(title=title, valueAmount=amount, currency=currency)
    by_value = {"sortBy": "valueAmount", "sortDir": "asc"}
    assert await place.names("/deals", "title", **by_value) == ["none", "euro", "dinar", "yen", "much"]
    assert await place.names("/deals", "title", valueMin="20.501", **by_value) == ["dinar", "yen", "much"]
    assert await place.names("/deals", "title", valueMax="20.5005", **by_value) == ["euro"]
    assert await place.names("/deals", "title", valueMin=21, valueMax=900) == ["yen"]
    assert code_of(await place.get("/deals", valueMin="much"), 400) == "VALIDATION_ERROR"
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await place.get("/deals", **by_value, limit=2, cursor=cursor)).json()
        seen += [item["title"] for item in page["items"]]
        cursor = page["nextCursor"]
    assert seen == ["none", "euro", "dinar", "yen", "much"]


async def test_deals_by_closing_date(place: Place) -> None:
    for title, closes_on in (("later", "2026-09-01"), ("never", None), ("soon", "2026-04-01")):
        await place.deal(title=title, expectedCloseDate=closes_on)
    order = {"sortBy": "expectedCloseDate", "sortDir": "asc"}
    assert await place.names("/deals", "title", **order) == ["soon", "later", "never"]
    page = (await place.get("/deals", **order, limit=1)).json()
    assert await place.names("/deals", "title", **order, cursor=page["nextCursor"]) == ["later", "never"]
