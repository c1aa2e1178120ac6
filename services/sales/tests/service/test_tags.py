"""Tags: one spelling for the organisation, put on rows by name, renamed and deleted everywhere at once."""

import asyncio
import json
from typing import Any

import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of

from chassis.ids import new_id

RECORDED = "sales.activity.recorded.v1"
PATHS = ["/companies", "/contacts", "/leads", "/deals"]


async def row_of(place: Place, path: str, name: str = "Brandt", **fields: Any) -> Json:
    """A row of the kind."""
    if path in {"/companies", "/contacts"}:
        return await place.made(path, name=name, **fields)
    return await (place.lead(name, **fields) if path == "/leads" else place.deal(title=name, **fields))


async def tagged(place: Place, path: str, row: Json, *names: str, **headers: str) -> Any:
    """PUT the tags of a row."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await place.api.put(f"/api/v1{path}/{row['id']}/tags", json={"tags": list(names)}, headers=named)


async def words(place: Place, **query: Any) -> dict[str, int]:
    """The dictionary, with how often each word is used."""
    items = (await place.get("/tags", **query)).json()["items"]
    return {item["name"]: item["usageCount"] for item in items}


@pytest.mark.parametrize("path", PATHS)
async def test_row_carries_the_tags_as_the_dictionary_writes_them(place: Place, path: str) -> None:
    await place.made("/tags", name="Größter Kunde", colour="#1F6FEB")
    row = await row_of(place, path)
    place.stand.clock.advance(minutes=1)
    answer = await tagged(place, path, row, "vip", "GRÖßTER Kunde", "VIP", "größter kunde", "Messe")
    assert answer.status_code == 200, answer.text
    assert answer.json()["tags"] == ["vip", "Größter Kunde", "Messe"]
    place.stand.clock.advance(minutes=1)
    again = await tagged(place, path, row, "VIP")
    assert (again.json()["tags"], again.json()["version"]) == (["vip"], 3)
    assert await place.read(f"{path}/{row['id']}") == again.json()
    same = await tagged(place, path, row, "Vip")
    assert same.json()["version"] == 3
    kind = {"/companies": "company"}.get(path, path[1:-1])
    assert await place.told(row) == [f"{kind}.created", f"{kind}.updated", f"{kind}.updated"]
    facts = await place.stand.facts(f"sales.{kind}.updated.v1")
    assert list(getattr(facts[-1].message, kind).tags) == ["vip"]
    entry = (await place.read(f"{path}/{row['id']}/activity"))["items"][0]
    assert (entry["action"], entry["after"]) == ("UPDATE", {"tags": ["vip"]})
    assert (await tagged(place, path, row)).json()["tags"] == []


@pytest.mark.parametrize("path", PATHS)
async def test_row_is_made_and_changed_with_its_tags_at_once(place: Place, path: str) -> None:
    await place.made("/tags", name="Messe")
    row = await row_of(place, path, tags=["vip", "MESSE", "VIP"])
    assert (row["tags"], row["version"]) == (["vip", "Messe"], 1)
    key = "name" if "name" in row else "title"
    url = f"{path}/{row['id']}"
    place.stand.clock.advance(minutes=1)
    changed = (await place.patch(url, {key: "Renamed", "tags": ["New", "messe"]})).json()
    assert (changed[key], changed["tags"], changed["version"]) == ("Renamed", ["New", "Messe"], 2)
    assert await place.names(path, key, tag="new") == ["Renamed"]
    assert (await place.patch(url, {key: "Renamed", "tags": ["new", "Messe"]})).json() == changed
    kind = {"/companies": "company"}.get(path, path[1:-1])
    assert await place.told(row) == [f"{kind}.created", f"{kind}.updated"]
    entry = (await place.read(f"{url}/activity"))["items"][0]
    assert entry["before"] == {key: row[key], "tags": ["vip", "Messe"]}
    assert entry["after"] == {key: "Renamed", "tags": ["New", "Messe"]}
    assert (await place.patch(url, {"tags": []})).json()["tags"] == []


@pytest.mark.parametrize("path", PATHS)
async def test_tags_go_with_the_commands_of_a_batch(place: Place, path: str) -> None:
    row = await row_of(place, path, tags=["old"])
    key = "name" if "name" in row else "title"
    made = {name: row[name] for name in ("companyId", "ownerUserId") if path == "/deals"}
    operations = [
        {"op": "create", "data": {key: "Made", "tags": ["VIP", "vip"], **made}},
        {"op": "update", "id": row["id"], "data": {"tags": ["vip"]}},
        {"op": "update", "id": row["id"], "ifMatch": 1, "data": {"tags": ["lost"]}},
        {"op": "update", "id": row["id"], "data": {"tags": ["x" * 51]}},
        {"op": "update", "id": row["id"], "data": {"tags": None}},
    ]
    results = (await place.post(f"{path}/batch", {"operations": operations})).json()["results"]
    assert [result["status"] for result in results] == [201, 200, 412, 400, 400]
    assert set(await place.names(path, key, tag="VIP")) == {"Made", row[key]}
    assert await words(place) == {"old": 0, "VIP": 2}


@pytest.mark.parametrize("path", PATHS)
async def test_bad_tags_are_refused_and_nothing_is_written(place: Place, path: str) -> None:
    row = await row_of(place, path)
    for names in (
        ["x" * 51],
        [""],
        ["  "],
        ["a\x00"],
        [1],
        [None],
        None,
        "vip",
        [f"t{n}" for n in range(51)],
    ):
        answer = await place.api.put(f"/api/v1{path}/{row['id']}/tags", json={"tags": names})
        error = error_of(answer, 400)
        assert (error["code"], error["details"][0]["field"].partition(".")[0]) == ("VALIDATION_ERROR", "tags")
        error = error_of(await place.patch(f"{path}/{row['id']}", {"tags": names}), 400)
        assert (error["code"], error["details"][0]["field"].partition(".")[0]) == ("VALIDATION_ERROR", "tags")
    stale = await place.patch(f"{path}/{row['id']}", {"tags": ["new"]}, if_match='"9"')
    assert code_of(stale, 412) == "STALE_VERSION"
    assert code_of(await tagged(place, path, {"id": NOBODY}, "new"), 404) == "NOT_FOUND"
    assert code_of(await tagged(place, path, row, "new", if_match='"9"'), 412) == "STALE_VERSION"
    assert await words(place) == {}
    assert await place.read(f"{path}/{row['id']}") == row
    assert len((await tagged(place, path, row, *(f"t{n}" for n in range(50)))).json()["tags"]) == 50


@pytest.mark.parametrize("path", PATHS)
async def test_filter_by_tags_means_all_of_them(place: Place, path: str) -> None:
    key = "name" if path in {"/companies", "/contacts"} else "title"
    for name, tags in (("none", ()), ("one", ("VIP",)), ("two", ("VIP", "Messe 2026"))):
        await tagged(place, path, await row_of(place, path, name), *tags)
    order = {"sortBy": key, "sortDir": "asc"}
    assert await place.names(path, key, tag="vip", **order) == ["one", "two"]
    assert await place.names(path, key, tag=["vip", "MESSE 2026"], **order) == ["two"]
    assert await place.names(path, key, tag=["vip", "unknown"], **order) == []
    assert (await place.get(path, tag=["vip", "messe 2026"])).headers["server-timing"] == "db;desc=1"
    for bad in ("", "x" * 51, "a\x00"):
        assert code_of(await place.get(path, tag=bad), 400) == "VALIDATION_ERROR"


async def test_dictionary_is_listed_by_name_with_usage(place: Place) -> None:
    company, other = await place.company("A"), await place.company("B")
    await tagged(place, "/companies", company, "beta", "Alpha")
    await tagged(place, "/deals", await place.deal(), "Alpha")
    await tagged(place, "/companies", other, "Alpha")
    await place.post(f"/companies/{other['id']}/archive")
    await place.made("/tags", name="unused")
    answer = await place.get("/tags")
    assert answer.headers["server-timing"] == "db;desc=1"
    assert list((await words(place)).items()) == [("Alpha", 2), ("beta", 1), ("unused", 0)]
    assert await words(place, sortBy="usageCount", sortDir="desc", limit=1) == {"Alpha": 2}
    assert await words(place, q="ALP") == {"Alpha": 2}


async def test_name_is_taken_whatever_its_case(place: Place) -> None:
    tag = await place.made("/tags", name="VIP")
    assert (tag["colour"], tag["usageCount"], tag["version"]) == (None, 0, 1)
    assert code_of(await place.post("/tags", {"name": "vip"}), 409) == "TAG_EXISTS"
    other = await place.made("/tags", name="Fair")
    assert code_of(await place.patch(f"/tags/{other['id']}", {"name": "Vip"}), 409) == "TAG_EXISTS"
    own = await place.patch(f"/tags/{tag['id']}", {"name": "Vip"})
    assert own.json()["name"] == "Vip"
    for bad in ({"name": None}, {"name": "x" * 51}, {"colour": "red"}, {"colour": "#12345"}, {"surprise": 1}):
        assert code_of(await place.patch(f"/tags/{tag['id']}", bad), 400) == "VALIDATION_ERROR", bad


async def test_renaming_and_deleting_a_tag_changes_the_rows(place: Place) -> None:
    rows = {path: await row_of(place, path) for path in PATHS}
    for path, row in rows.items():
        await tagged(place, path, row, "first", "VIP", "last")
    (tag,) = (await place.get("/tags", q="vip")).json()["items"]
    stale = await place.patch(f"/tags/{tag['id']}", {"name": "Key account"}, if_match='"9"')
    assert code_of(stale, 412) == "STALE_VERSION"
    renamed = await place.patch(f"/tags/{tag['id']}", {"name": "Key account", "colour": "#FF0000"})
    assert (renamed.json()["usageCount"], renamed.json()["colour"]) == (4, "#ff0000")
    for path, row in rows.items():
        now = await place.read(f"{path}/{row['id']}")
        assert (now["tags"], now["version"]) == (["first", "Key account", "last"], 2)
    assert (await place.api.delete(f"/api/v1/tags/{tag['id']}")).status_code == 204
    for path, row in rows.items():
        assert (await place.read(f"{path}/{row['id']}"))["tags"] == ["first", "last"]
    assert code_of(await place.get(f"/tags/{tag['id']}"), 404) == "NOT_FOUND"
    assert await place.stand.actions(tag["id"]) == ["CREATE", "UPDATE", "DELETE"]
    deleted = (await place.stand.facts(RECORDED))[-1].message
    assert (deleted.action, deleted.after_json) == ("DELETE", "null")
    assert json.loads(deleted.before_json) == {"name": "Key account", "colour": "#ff0000"}


async def test_views_and_forms_follow_a_tag(place: Place) -> None:
    await place.made("/tags", name="VIP")
    saved = {
        "list": {"tag": ["vip", "Fair"], "stage": "OPEN"},
        "one": {"tag": "VIP"},
        "number": {"tag": 7},
        "none": {"stage": "OPEN"},
    }
    ids = {}
    for name, filters in saved.items():
        ids[name] = (await place.made("/views", name=name, entity="deal", filters=filters))["id"]
    form = (await place.made("/forms", name="Fair", defaults={"tags": ["vip", "Web"]}))["id"]

    async def now() -> dict[str, Any]:
        filters = {name: (await place.read(f"/views/{view}"))["filters"] for name, view in ids.items()}
        return filters | {"form": (await place.read(f"/forms/{form}"))["defaults"]["tags"]}

    (tag,) = (await place.get("/tags", q="vip")).json()["items"]
    await place.patch(f"/tags/{tag['id']}", {"colour": "#ff0000"})
    assert await now() == saved | {"form": ["vip", "Web"]}
    await place.patch(f"/tags/{tag['id']}", {"name": "Key account"})
    assert await now() == saved | {
        "list": {"tag": ["Key account", "Fair"], "stage": "OPEN"},
        "one": {"tag": "Key account"},
        "form": ["Key account", "Web"],
    }
    assert (await place.read(f"/views/{ids['one']}"))["version"] == 1
    await place.api.delete(f"/api/v1/tags/{tag['id']}")
    assert await now() == saved | {
        "list": {"tag": ["Fair"], "stage": "OPEN"},
        "one": {},
        "form": ["Web"],
    }


async def test_tags_of_another_organisation_are_neither_seen_nor_touched(place: Place) -> None:
    company, elsewhere = await place.company(), new_id()
    await tagged(place, "/companies", company, "VIP")
    place.identity.add_organisation(elsewhere)
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        theirs = (await stranger.post("/api/v1/companies", json={"name": "Theirs"})).json()
        url = f"/api/v1/companies/{theirs['id']}/tags"
        assert (await stranger.put(url, json={"tags": ["vip"]})).json()["tags"] == ["vip"]
        (tag,) = (await stranger.get("/api/v1/tags")).json()["items"]
        assert (tag["name"], tag["usageCount"]) == ("vip", 1)
        assert (await stranger.delete(f"/api/v1/tags/{tag['id']}")).status_code == 204
    assert (await place.read(f"/companies/{company['id']}"))["tags"] == ["VIP"]


async def test_two_who_use_a_new_word_write_it_alike(place: Place) -> None:
    rows = [await place.company(f"Company {number}") for number in range(6)]
    spellings = ["new", "NEW", "New", "nEW", "neW", "NEw"]
    answers = await asyncio.gather(
        *(
            tagged(place, "/companies", row, word, f"other {n % 2}")
            for n, (row, word) in enumerate(zip(rows, spellings, strict=True))
        )
    )
    assert [answer.status_code for answer in answers] == [200] * 6
    assert len({answer.json()["tags"][0] for answer in answers}) == 1
    assert sorted((await words(place)).values()) == [3, 3, 6]


async def test_whoever_tags_while_the_tag_is_renamed_gets_a_word_that_is_there(place: Place) -> None:
    first, second = await place.company("A"), await place.company("B")
    await tagged(place, "/companies", first, "VIP")
    tag = (await place.read("/tags"))["items"][0]
    calls = [place.patch(f"/tags/{tag['id']}", {"name": "Key"}), tagged(place, "/companies", second, "vip")]
    answers = await place.race("tag", tag, *calls)
    assert [answer.status_code for answer in answers] == [200, 200]
    carried = {
        name for row in (first, second) for name in (await place.read(f"/companies/{row['id']}"))["tags"]
    }
    assert carried <= set(await words(place))
    assert sum((await words(place)).values()) == 2


async def test_whoever_converts_a_lead_while_its_tag_is_renamed_does_not_get_in_the_way(place: Place) -> None:
    company = await place.company("A")
    lead = await place.lead(companyId=company["id"], tags=["VIP"])
    tag = (await place.read("/tags"))["items"][0]
    calls = [
        place.patch(f"/tags/{tag['id']}", {"name": "Key"}),
        place.post(f"/leads/{lead['id']}/convert-to-deal", {}),
    ]
    answers = await place.race("tag", tag, *calls)
    assert [answer.status_code for answer in answers] == [200, 201]
    for path in (f"/leads/{lead['id']}", f"/deals/{answers[1].json()['id']}"):
        assert (await place.read(path))["tags"] == ["Key"], path
