"""Every door: permission, tenant, unknown fields."""

from typing import Any

import pytest
from services.sales.tests.place import Json, Place, code_of, error_of

from chassis.ids import new_id
from sales.main import SALES

LABELLED = ("company", "companies"), ("contact", "contacts"), ("lead", "leads"), ("deal", "deals")
LABEL_READS = [
    *((f"/{path}/{{{kind}}}/notes", f"{path}:read") for kind, path in LABELLED),
    ("/notes/{note}", "companies:read"),
    *((path, f"{any_of}:read") for path in ("/tags", "/custom-fields", "/views") for _, any_of in LABELLED),
    ("/tags/{tag}", "leads:read"),
    ("/custom-fields/{field}", "deals:read"),
    ("/views/{view}", "companies:read"),
]
LABEL_WRITES = [
    *(("POST", f"/{path}/{{{kind}}}/notes", f"{path}:read", {"body": "n"}) for kind, path in LABELLED),
    *(("PUT", f"/{path}/{{{kind}}}/tags", f"{path}:write", {"tags": ["VIP"]}) for kind, path in LABELLED),
    ("PATCH", "/notes/{note}", "companies:read", {"body": "Other"}),
    ("DELETE", "/notes/{note}", "companies:read", None),
    ("POST", "/tags", "contacts:read", {"name": "New"}),
    ("PATCH", "/tags/{tag}", "tags:manage", {"colour": "#00ff00"}),
    ("DELETE", "/tags/{tag}", "tags:manage", None),
    (
        "POST",
        "/custom-fields",
        "custom-fields:manage",
        {"entity": "deal", "key": "k", "name": "K", "type": "text"},
    ),
    ("PATCH", "/custom-fields/{field}", "custom-fields:manage", {"name": "Other"}),
    ("DELETE", "/custom-fields/{field}", "custom-fields:manage", None),
    ("POST", "/views", "leads:read", {"name": "New", "entity": "lead"}),
    ("PATCH", "/views/{view}", "companies:read", {"name": "Other"}),
    ("DELETE", "/views/{view}", "companies:read", None),
]
READS = [
    ("/search?q=x", "companies:read"),
    ("/companies", "companies:read"),
    ("/companies/duplicates", "companies:read"),
    ("/companies/{company}", "companies:read"),
    ("/companies/{company}/activity", "companies:read"),
    ("/companies/{company}/contacts", "contacts:read"),
    ("/contacts", "contacts:read"),
    ("/contacts/{contact}", "contacts:read"),
    ("/contacts/{contact}/activity", "contacts:read"),
    ("/leads", "leads:read"),
    ("/leads/{lead}", "leads:read"),
    ("/leads/{lead}/activity", "leads:read"),
    ("/deals", "deals:read"),
    ("/deals/board", "deals:read"),
    ("/deals/{deal}/stage-history", "deals:read"),
    ("/pipelines", "deals:read"),
    ("/pipelines/{pipeline}", "deals:read"),
    ("/forms", "forms:manage"),
    ("/forms/{form}", "forms:manage"),
    ("/deals/{deal}", "deals:read"),
    ("/deals/{deal}/activity", "deals:read"),
    ("/deals/{deal}/timeline", "timeline:read"),
    *LABEL_READS,
    ("/imports", "leads:import"),
    ("/imports/{import}", "companies:import"),
    ("/imports/{import}/rows", "companies:import"),
    ("/imports/{import}/activity", "companies:import"),
]
FILES = [
    ("/imports/{import}/errors.csv", "companies:import"),
    ("/exports/companies.csv", "companies:export"),
    ("/exports/contacts.csv", "contacts:export"),
    ("/exports/leads.csv", "leads:export"),
    ("/exports/deals.csv", "deals:export"),
]
UPLOADS = [("POST", "/imports")]
WRITES = [
    ("POST", "/companies", "companies:write", {"name": "New"}),
    ("POST", "/companies/merge", "companies:merge", {"survivorId": "{company}", "mergedId": "{other}"}),
    (
        "POST",
        "/companies/merge/preview",
        "companies:merge",
        {"survivorId": "{company}", "mergedId": "{other}"},
    ),
    ("POST", "/companies/merges/{merge}/revert", "companies:merge", None),
    ("PATCH", "/companies/{company}", "companies:write", {"industry": "Rail"}),
    ("POST", "/companies/{company}/archive", "companies:write", None),
    ("POST", "/companies/{company}/restore", "companies:write", None),
    ("POST", "/contacts", "contacts:write", {"name": "New"}),
    ("PATCH", "/contacts/{contact}", "contacts:write", {"title": "CEO"}),
    ("POST", "/contacts/{contact}/archive", "contacts:write", None),
    ("POST", "/contacts/{contact}/restore", "contacts:write", None),
    ("POST", "/leads", "leads:write", {"title": "New"}),
    ("PATCH", "/leads/{lead}", "leads:write", {"notes": "n"}),
    ("POST", "/leads/{lead}/qualify", "leads:write", None),
    ("POST", "/leads/{lead}/reopen", "leads:write", None),
    ("POST", "/leads/{lead}/archive", "leads:write", None),
    ("POST", "/leads/{lead}/restore", "leads:write", None),
    ("POST", "/leads/{lead}/disqualify", "leads:write", {"reason": "r"}),
    ("POST", "/leads/{lead}/convert-to-deal", "leads:convert", {}),
    ("POST", "/deals", "deals:write", {"title": "New", "companyId": "{company}", "ownerUserId": "{owner}"}),
    ("PATCH", "/deals/{deal}", "deals:write", {"title": "Other"}),
    ("POST", "/deals/{deal}/move", "deals:write", {"pipelineStage": "proposal"}),
    ("POST", "/deals/{deal}/mark-won", "deals:win", {"reason": "r"}),
    ("POST", "/deals/{deal}/reopen", "deals:reopen", None),
    ("POST", "/deals/{deal}/archive", "deals:write", None),
    ("POST", "/deals/{deal}/restore", "deals:write", None),
    ("POST", "/deals/{deal}/mark-lost", "deals:lose", {"reason": "r"}),
    ("POST", "/pipelines", "pipelines:manage", {"name": "New", "stages": [{"name": "First"}]}),
    ("PATCH", "/pipelines/{pipeline}", "pipelines:manage", {"name": "Other"}),
    ("POST", "/forms", "forms:manage", {"name": "New"}),
    ("PATCH", "/forms/{form}", "forms:manage", {"name": "Other"}),
    ("DELETE", "/forms/{form}", "forms:manage", None),
    *LABEL_WRITES,
    ("POST", "/imports/{import}/dry-run", "companies:import", None),
    ("POST", "/imports/{import}/apply", "companies:import", None),
    ("POST", "/imports/{import}/revert", "companies:import", None),
]
MAPPING = ("PUT", "/imports/{import}/mapping", "companies:import", {"mapping": {"name": "Name"}})
PUBLIC = [("POST", "/forms/{form}")]
BATCHES = {("POST", f"/{kind}/batch") for kind in ("companies", "contacts", "leads", "deals")}
"""Doors that ask for two permissions and whose bodies are lists: test_batches.py."""
ALL = [("GET", path, permission, None) for path, permission in READS + FILES] + WRITES


KINDS = ("company", "contact", "lead", "deal", "note", "tag", "field", "view")


async def rows(place: Place) -> dict[str, str]:
    """One row of each kind; the lead can be moved and converted, the deal is open, the merge can be undone."""
    company = await place.company()
    contact = await place.contact(companyId=company["id"])
    lead = await place.lead(companyId=company["id"], ownerUserId=place.owner)
    deal = await place.deal(company)
    made = {"company": company, "contact": contact, "lead": lead, "deal": deal}
    made["note"] = await place.made(f"/companies/{company['id']}/notes", body="Text")
    made["tag"] = await place.made("/tags", name="Word")
    made["field"] = await place.made("/custom-fields", entity="company", key="size", name="Size", type="text")
    made["view"] = await place.made("/views", entity="company", name="All")
    made["form"] = await place.made("/forms", name="Contact us")
    made["other"], gone = await place.company("Other"), await place.company("Gone")
    body = {"survivorId": made["other"]["id"], "mergedId": gone["id"]}
    merge = (await place.post("/companies/merge", body)).json()["mergeId"]
    files = {"file": ("rows.csv", b"Name\nA\n")}
    run = (await place.api.post("/api/v1/imports", data={"entity": "company"}, files=files)).json()
    mapping = {"mapping": {"name": "Name"}}
    assert (await place.api.put(f"/api/v1/imports/{run['id']}/mapping", json=mapping)).status_code == 200
    ids = {name: row["id"] for name, row in made.items()} | {"import": run["id"]}
    return ids | {"pipeline": deal["pipelineId"], "merge": merge}


def filled(body: Any, **ids: str) -> Json | None:
    """A body with ids in the places of their names."""
    return body and {
        name: value.format(**ids) if isinstance(value, str) else value for name, value in body.items()
    }


def test_every_door_is_here() -> None:
    paths = SALES.app().openapi()["paths"]
    doors = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    ids = {name: f"{{{name}_id}}" for name in (*KINDS, "pipeline", "merge", "import")} | {"form": "{form}"}
    known = {(method, path.partition("?")[0].format(**ids)) for method, path, _, _ in [*ALL, MAPPING]}
    public = {(method, path.format(**ids)) for method, path in [*PUBLIC, *UPLOADS]}
    assert doors == {(method, f"/api/v1{path}") for method, path in known | BATCHES | public}


@pytest.mark.parametrize(("method", "path", "permission", "body"), ALL)
async def test_door_asks_for_its_permission(
    place: Place, method: str, path: str, permission: str, body: Json | None
) -> None:
    ids = await rows(place)
    url = f"/api/v1{path.format(**ids)}"
    sent = filled(body, **ids, owner=place.owner)
    before = len(await place.stand.facts())
    everything_else = [f"{each.split(':')[0]}:nothing" for each in ("companies:", "deals:")]
    async with place.stand.anonymous() as nobody, place.stand.client(*everything_else) as other:
        assert code_of(await nobody.request(method, url, json=sent), 401) == "UNAUTHORIZED"
        assert code_of(await other.request(method, url, json=sent), 403) == "FORBIDDEN"
    assert len(await place.stand.facts()) - before <= 1  # the denial itself
    if path.endswith("/revert"):
        await place.post(f"/imports/{ids['import']}/apply")
        await place.stand.run_deferred()
    if path.endswith("/reopen") and "deal" in path:
        await place.post(f"/deals/{ids['deal']}/mark-won")
    if path.endswith("/reopen") and "lead" in path:
        await place.post(f"/leads/{ids['lead']}/qualify")
    async with place.stand.client(permission) as allowed:
        answer = await allowed.request(method, url, json=sent)
    assert answer.status_code in {200, 201, 202, 204}, answer.text


async def test_rows_of_another_organisation_are_not_there(place: Place) -> None:
    ids, elsewhere = await rows(place), new_id()
    before = await place.stand.facts("sales.activity.recorded.v1")
    place.identity.add_organisation(elsewhere)
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        for method, path, _, body in ALL:
            sent = filled(body, **ids, owner=place.owner)
            answer = await stranger.request(method, f"/api/v1{path.format(**ids)}", json=sent)
            if "{" in path:
                assert code_of(answer, 404) == "NOT_FOUND", path
            elif path.endswith(".csv"):
                assert answer.text.count("\n") == 1, path
            elif method == "GET":
                shown = answer.json()
                columns = shown.get("columns", [])
                assert [each for each in columns if each["count"]] == [], path
                assert {each["name"] for each in shown.get("items", [])} <= {"Sales"}, path
                assert [each for each in ids.values() if each in answer.text] == [], path
            elif sent != body:
                assert code_of(answer, 400) == "BAD_REQUEST", path
    assert await place.stand.facts("sales.activity.recorded.v1") == before
    assert await place.names("/forms") == ["Contact us"]


async def test_unknown_and_read_only_fields_are_refused(place: Place) -> None:
    ids = await rows(place)
    for method, path, _, body in WRITES:
        for field in (
            ("orgId", "id", "version", "archivedAt", "wonAt", "convertedDealId") if body is not None else ()
        ):
            sent = (filled(body, **ids, owner=place.owner) or {}) | {field: "1"}
            answer = await place.api.request(method, f"/api/v1{path.format(**ids)}", json=sent)
            error = error_of(answer, 400)
            assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", field), path


async def test_malformed_ids_are_refused(place: Place) -> None:
    ids = dict.fromkeys((*KINDS, "owner", "pipeline", "form", "merge", "other", "import"), "1")
    for method, path, _, body in ALL:
        if "{" in path:
            answer = await place.api.request(method, f"/api/v1{path.format(**ids)}", json=filled(body, **ids))
            assert code_of(answer, 400) == "VALIDATION_ERROR", path
