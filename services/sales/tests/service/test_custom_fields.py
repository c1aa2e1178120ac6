"""Custom fields: definitions, values of every type, what is required, filters, and what deleting one does."""

from typing import Any

import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of

from chassis.ids import new_id

PATHS = {"/companies": "company", "/contacts": "contact", "/leads": "lead", "/deals": "deal"}


async def define(place: Place, entity: str, key: str, kind: str = "text", **more: Any) -> Json:
    """A new definition."""
    return await place.made("/custom-fields", entity=entity, key=key, name=key.title(), type=kind, **more)


async def body_of(place: Place, path: str, **custom: Any) -> Json:
    """The body of a new row of the kind, with these values."""
    key = "name" if path in {"/companies", "/contacts"} else "title"
    body: Json = {key: f"Brandt {new_id()}", "customFields": custom}
    if path == "/deals":
        company = await place.company(f"Company {new_id()}")
        body |= {"companyId": company["id"], "ownerUserId": place.owner}
    return body


async def fields_refused(answer: Any) -> list[str]:
    """The names of the fields that were refused."""
    error = error_of(answer, 400)
    assert error["code"] == "VALIDATION_ERROR"
    return [each["field"] for each in error["details"]]


VALUES: list[tuple[str, Any, Any]] = [
    ("text", "  Halle 4 ", "Halle 4"),
    ("text", "x" * 1000, "x" * 1000),
    ("number", 12, 12),
    ("number", 12.5, 12.5),
    ("number", "-0.10", -0.1),
    ("number", "999999999999999", 999999999999999),
    ("number", 3.0, 3),
    ("date", "2026-03-10", "2026-03-10"),
    ("bool", True, True),
    ("bool", False, False),
    ("select", "b", "b"),
    ("multi", ["c", "a"], ["c", "a"]),
]
REFUSED: list[tuple[str, Any]] = [
    ("text", ""),
    ("text", " "),
    ("text", 1),
    ("text", ["a"]),
    ("text", {"a": 1}),
    ("text", "x" * 1001),
    ("text", "a\x00"),
    ("number", "1e3"),
    ("number", "x"),
    ("number", True),
    ("number", 10**15),
    ("number", "1234567890.1234567"),
    ("number", "9" * 500),
    ("number", []),
    ("date", "2026-02-30"),
    ("date", "today"),
    ("date", 20260310),
    ("date", "2026-03-10T00:00:00Z"),
    ("bool", "true"),
    ("bool", 1),
    ("select", "d"),
    ("select", ["a"]),
    ("multi", "a"),
    ("multi", []),
    ("multi", ["a", "a"]),
    ("multi", ["a", "d"]),
]
OPTIONS = {"select": {"options": ["a", "b", "c"]}, "multi": {"options": ["a", "b", "c"]}}


@pytest.mark.parametrize(("kind", "value", "kept"), VALUES)
async def test_value_of_every_type_is_kept(place: Place, kind: str, value: Any, kept: Any) -> None:
    await define(place, "company", "own", kind, **OPTIONS.get(kind, {}))
    company = await place.company(customFields={"own": value})
    assert company["customFields"] == {"own": kept}
    assert type(company["customFields"]["own"]) is type(kept)
    assert await place.read(f"/companies/{company['id']}") == company
    asked = value[0] if kind == "multi" else str(value).lower() if kind == "bool" else str(value)
    assert await place.names("/companies", "id", **{"cf.own": asked}) == [company["id"]]


@pytest.mark.parametrize(("kind", "value"), REFUSED)
async def test_value_of_another_type_is_refused(place: Place, kind: str, value: Any) -> None:
    await define(place, "company", "own", kind, **OPTIONS.get(kind, {}))
    body = {"name": "New", "customFields": {"own": value}}
    assert await fields_refused(await place.post("/companies", body)) == ["customFields.own"]
    company = await place.company()
    answer = await place.patch(f"/companies/{company['id']}", {"customFields": {"own": value}})
    assert await fields_refused(answer) == ["customFields.own"]
    assert await place.names("/companies") == ["Brandt GmbH"]


async def test_number_that_no_json_number_is_is_refused(place: Place) -> None:
    await define(place, "company", "own", "number")
    for raw in ("NaN", "Infinity", "1e400", '"\\ud800"', "123456789012345678901234567890"):
        content = f'{{"name": "New", "customFields": {{"own": {raw}}}}}'
        answer = await place.api.post(
            "/api/v1/companies", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400, raw


async def test_lone_surrogates_are_refused_wherever_they_are(place: Place) -> None:
    await define(place, "company", "own")
    for content in (
        r'{"name": "New", "customFields": {"own": "\ud800"}}',
        r'{"name": "New", "customFields": {"\ud800": "x"}}',
        r'{"name": "New", "customFields": {"a\u0000": "x"}}',
    ):
        answer = await place.api.post(
            "/api/v1/companies", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400, content


@pytest.mark.parametrize("path", PATHS)
async def test_values_are_merged_by_key_and_null_takes_one_away(place: Place, path: str) -> None:
    for key in ("a", "b", "c"):
        await define(place, PATHS[path], key)
    row = await place.made(path, **await body_of(place, path, a="1", b="2", c=None))
    assert row["customFields"] == {"a": "1", "b": "2"}
    place.stand.clock.advance(minutes=1)
    answer = await place.patch(f"{path}/{row['id']}", {"customFields": {"b": None, "c": "3"}})
    assert answer.json()["customFields"] == {"a": "1", "c": "3"}
    entry = (await place.read(f"{path}/{row['id']}/activity"))["items"][0]
    assert entry["before"]["customFields"] == {"a": "1", "b": "2"}
    same = await place.patch(f"{path}/{row['id']}", {"customFields": {"a": "1", "b": None}})
    assert same.json()["version"] == answer.json()["version"] == 2
    assert await place.told(row) == [f"{PATHS[path]}.created", f"{PATHS[path]}.updated"]


@pytest.mark.parametrize("path", PATHS)
async def test_unknown_fields_are_refused(place: Place, path: str) -> None:
    other = "lead" if path != "/leads" else "deal"
    await define(place, other, "known")
    row = await place.made(path, **await body_of(place, path))
    for values, names in (
        ({"known": "x"}, ["customFields.known"]),
        ({"known": None, "other": 1}, ["customFields.known", "customFields.other"]),
        ({"Not a key": 1}, ["customFields"]),
        (None, ["customFields"]),
        ([], ["customFields"]),
    ):
        answer = await place.patch(f"{path}/{row['id']}", {"customFields": values})
        assert sorted(await fields_refused(answer)) == names, values
    for name in ("cf.known", "cf.", "cf.a.b"):
        assert await fields_refused(await place.get(path, **{name: "x"})) == [name]
    assert await fields_refused(await place.get(path, cfx="x")) == ["cfx"]


@pytest.mark.parametrize("path", PATHS)
async def test_required_fields_are_wanted_of_new_rows(place: Place, path: str) -> None:
    old = await place.made(path, **await body_of(place, path))
    field = await define(place, PATHS[path], "must", required=True)
    await define(place, PATHS[path], "may")
    body = await body_of(place, path, may="x")
    assert await fields_refused(await place.post(path, body)) == ["customFields.must"]
    del body["customFields"]
    refused = await place.post(path, body)
    assert await fields_refused(refused) == ["customFields.must"]
    body["customFields"] = {"must": None}
    assert await fields_refused(await place.post(path, body)) == ["customFields.must"]
    assert await place.names(path, "id") == [old["id"]]
    assert len(await place.stand.facts(f"sales.{PATHS[path]}.created.v1")) <= 4
    row = await place.made(path, **body | {"customFields": {"must": "x"}})
    answer = await place.patch(f"{path}/{row['id']}", {"customFields": {"must": None}})
    assert await fields_refused(answer) == ["customFields.must"]
    changed = await place.patch(f"{path}/{old['id']}", {"customFields": {"may": "y"}})
    assert changed.status_code == 200  # what was there before may be completed later
    await place.patch(f"/custom-fields/{field['id']}", {"required": False})
    del body["customFields"]
    assert (
        await place.post(path, body | {"name" if "name" in body else "title": "Other"})
    ).status_code == 201


@pytest.mark.parametrize("path", PATHS)
async def test_filters_are_typed_by_the_definition(place: Place, path: str) -> None:
    entity = PATHS[path]
    await define(place, entity, "size", "number")
    await define(place, entity, "hall", "multi", options=["1", "2", "3"])
    await define(place, entity, "ready", "bool")
    small = await place.made(path, **await body_of(place, path, size=10, hall=["1", "2"], ready=True))
    big = await place.made(path, **await body_of(place, path, size=10.5, hall=["2"]))

    async def found(**query: Any) -> set[str]:
        return set(await place.names(path, "id", **{f"cf.{key}": value for key, value in query.items()}))

    assert await found(size="10.0") == {small["id"]}
    assert await found(size="10.5") == {big["id"]}
    assert await found(hall="2") == {small["id"], big["id"]}
    assert await found(hall="2", size="10") == {small["id"]}
    assert await found(hall="9") == set()
    assert await found(ready="true") == {small["id"]}
    for name, value in (("size", "much"), ("ready", "yes")):
        assert await fields_refused(await place.get(path, **{f"cf.{name}": value})) == [f"cf.{name}"]
    assert (await place.get(path, **{"cf.size": "10"})).headers["server-timing"] == "db;desc=2"
    assert (await place.get(path)).headers["server-timing"] == "db;desc=1"


async def test_definitions_cost_no_statement_where_no_field_is_in_play(place: Place) -> None:
    async def statements(**body: Any) -> str:
        answer = await place.post("/companies", body)
        assert answer.status_code == 201
        return str(answer.headers["server-timing"])

    before = await statements(name="A")
    await define(place, "company", "own")
    assert await statements(name="B") == before
    assert await statements(name="C", customFields={}) == before
    assert await statements(name="D", customFields={"own": "x"}) != before


async def test_definitions_are_listed_in_their_order(place: Place) -> None:
    first = await define(place, "company", "z_1", "select", options=["a", "b"], required=True)
    assert (first["options"], first["required"], first["name"]) == (["a", "b"], True, "Z_1")
    place.stand.clock.advance(minutes=1)
    await define(place, "company", "a_2")
    await define(place, "workItem", "z_1", "date")
    assert await place.names("/custom-fields", "key", entity="company") == ["z_1", "a_2"]
    assert await place.names("/custom-fields", "entity", sortBy="key", entity="workItem") == ["workItem"]
    assert len(await place.names("/custom-fields")) == 3
    assert code_of(await place.get("/custom-fields", entity="invoice"), 400) == "VALIDATION_ERROR"
    assert await place.read(f"/custom-fields/{first['id']}") == first


async def test_bad_definitions_are_refused(place: Place) -> None:
    good = {"entity": "company", "key": "own", "name": "Own", "type": "text"}
    for change, field in (
        ({"key": "Own"}, "key"),
        ({"key": "1a"}, "key"),
        ({"key": "a" * 41}, "key"),
        ({"key": "a b"}, "key"),
        ({"entity": "invoice"}, "entity"),
        ({"type": "money"}, "type"),
        ({"name": ""}, "name"),
        ({"options": ["a"]}, "options"),
        ({"type": "select"}, "options"),
        ({"type": "multi", "options": []}, "options"),
        ({"type": "select", "options": ["a", "a"]}, "options"),
        ({"type": "select", "options": ["a"] * 201}, "options"),
        ({"required": None}, "required"),
    ):
        assert await fields_refused(await place.post("/custom-fields", good | change)) == [field], change
    assert (await place.post("/custom-fields", good)).status_code == 201
    assert code_of(await place.post("/custom-fields", good), 409) == "CUSTOM_FIELD_EXISTS"


async def test_key_and_type_stay(place: Place) -> None:
    field = await define(place, "lead", "own", "select", options=["a", "b"])
    path = f"/custom-fields/{field['id']}"
    for change in ({"key": "x"}, {"type": "text"}, {"entity": "deal"}, {"name": None}, {"options": None}):
        assert await fields_refused(await place.patch(path, change)) == list(change)
    lead = await place.lead(customFields={"own": "b"})
    changed = await place.patch(path, {"name": "Other", "options": ["a", "c"]}, if_match='"1"')
    assert (changed.json()["name"], changed.json()["options"], changed.json()["version"]) == (
        "Other",
        ["a", "c"],
        2,
    )
    assert code_of(await place.patch(path, {"name": "x"}, if_match='"1"'), 412) == "STALE_VERSION"
    assert (await place.read(f"/leads/{lead['id']}"))["customFields"] == {"own": "b"}
    assert await place.names("/leads", "id", **{"cf.own": "b"}) == [lead["id"]]
    answer = await place.patch(f"/leads/{lead['id']}", {"customFields": {"own": "b"}})
    assert await fields_refused(answer) == ["customFields.own"]
    assert await place.stand.actions(field["id"]) == ["CREATE", "UPDATE"]


@pytest.mark.parametrize("path", PATHS)
async def test_deleting_a_field_takes_its_values_away(place: Place, path: str) -> None:
    field = await define(place, PATHS[path], "own")
    await define(place, PATHS[path], "other")
    row = await place.made(path, **await body_of(place, path, own="x", other="y"))
    view = await place.made("/views", entity=PATHS[path], name="V", filters={"cf.own": "x", "cf.other": "y"})
    url = f"/api/v1/custom-fields/{field['id']}"
    assert code_of(await place.api.delete(url, headers={"if-match": '"2"'}), 412) == "STALE_VERSION"
    assert (await place.api.delete(url)).status_code == 204
    now = await place.read(f"{path}/{row['id']}")
    assert (now["customFields"], now["version"]) == ({"other": "y"}, 1)
    assert (await place.read(f"/views/{view['id']}"))["filters"] == {"cf.other": "y"}
    assert code_of(await place.api.delete(url), 404) == "NOT_FOUND"


async def test_value_written_while_its_field_is_deleted_is_gone_or_refused(place: Place) -> None:
    field = await define(place, "company", "own")
    company = await place.company()
    calls = [
        place.patch(f"/companies/{company['id']}", {"customFields": {"own": "x"}}),
        place.api.delete(f"/api/v1/custom-fields/{field['id']}"),
    ]
    written, deleted = await place.race("custom_field", field, *calls)
    assert deleted.status_code == 204
    assert written.status_code in {200, 400}, written.text
    assert (await place.read(f"/companies/{company['id']}"))["customFields"] == {}


async def test_there_is_a_limit(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sales.usecases.custom_fields.MAX_FIELDS", 1)
    await define(place, "company", "own")
    body = {"entity": "company", "key": "more", "name": "More", "type": "text"}
    assert code_of(await place.post("/custom-fields", body), 409) == "CUSTOM_FIELD_LIMIT"
    await define(place, "lead", "own")


async def test_fields_of_another_organisation_are_not_there(place: Place) -> None:
    field, elsewhere = await define(place, "company", "own", required=True), new_id()
    place.identity.add_organisation(elsewhere)
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        answer = await stranger.post("/api/v1/companies", json={"name": "A", "customFields": {"own": "x"}})
        assert await fields_refused(answer) == ["customFields.own"]
        assert (await stranger.post("/api/v1/companies", json={"name": "A"})).status_code == 201
        assert await fields_refused(await stranger.get("/api/v1/companies?cf.own=x")) == ["cf.own"]
        assert code_of(await stranger.get(f"/api/v1/custom-fields/{field['id']}"), 404) == "NOT_FOUND"
    assert code_of(await place.get(f"/custom-fields/{NOBODY}"), 404) == "NOT_FOUND"


async def test_lead_takes_tags_and_fields_along_where_deals_have_them(place: Place) -> None:
    for entity, key, kind in (
        ("lead", "hall", "text"),
        ("lead", "size", "text"),
        ("lead", "own", "text"),
        ("deal", "hall", "text"),
        ("deal", "size", "number"),
    ):
        await define(place, entity, key, kind)
    await define(place, "deal", "must", required=True)
    company = await place.company()
    lead = await place.lead(companyId=company["id"], customFields={"hall": "4", "size": "big", "own": "x"})
    await place.api.put(f"/api/v1/leads/{lead['id']}/tags", json={"tags": ["VIP", "Fair"]})
    await place.made(f"/leads/{lead['id']}/notes", body="Called.")
    refused = await place.post(f"/leads/{lead['id']}/convert-to-deal", {})
    assert await fields_refused(refused) == ["customFields.must"]
    answer = await place.post(f"/leads/{lead['id']}/convert-to-deal", {"customFields": {"must": "y"}})
    deal = answer.json()
    assert (deal["tags"], deal["customFields"]) == (["VIP", "Fair"], {"hall": "4", "must": "y"})
    assert await place.names(f"/deals/{deal['id']}/notes", "body") == ["Called."]
    assert await place.names(f"/leads/{lead['id']}/notes", "body") == ["Called."]
