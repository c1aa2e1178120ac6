"""Tenant sweep: whatever belongs to one organisation is not there for another one, at every door."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.contract import files_recipes, pipeline_recipes, recipes
from tests.contract.calls import Call
from tests.contract.labels_recipes import custom_field, note, tag, view
from tests.contract.operations import Operation, operations
from tests.contract.organisations import Json, Organisation
from tests.contract.platform import Platform
from tests.contract.recipes import RECIPES

GUARDED = [each for each in operations() if not (each.is_public or each.is_platform)]
WITH_ID = [each for each in GUARDED if each.has_id]
LISTS = [each for each in GUARDED if not each.has_id and each.method == "GET"]

FOREIGN: Mapping[str, str] = {
    "companyId": "company",
    "survivorId": "company",
    "mergedId": "company",
    "contactId": "contact",
    "dealId": "deal",
    "ownerUserId": "member",
    "assignedToUserId": "member",
    "assignedTo": "member",
    "actor": "member",
    "userId": "member",
    "entityId": "deal",
    "orgId": "organisation",
    "pipelineId": "pipeline",
    "pipeline": "pipeline",
}
"""What each field or parameter that holds an id refers to."""

WITHOUT_NAMES = {
    "GET /permissions": "the same catalogue for everybody",
    "GET /auth/identities": "the owner has none",
    "GET /auth/second-factors": "what people have named themselves",
    "GET /settings/policies": "numbers and switches",
    "GET /settings/modules": "the same modules for everybody",
    "GET /settings/preferences": "what the reader has chosen",
    "GET /roles/{id}/overrides": "keys of permissions",
    "GET /authz/explain": "rules and keys",
    "GET /org/usage": "numbers",
    "GET /auth/sessions": "browsers and instants",
    "GET /notifications/unread-count": "a number",
    "GET /ceo/health-score": "numbers",
    "GET /ceo/health-score/explain": "numbers",
    "GET /ceo/health-score/history": "numbers",
    "GET /dashboard/ceo": "numbers",
    "GET /jobs": "the same jobs for everybody",
    "GET /jobs/runs": "names of jobs",
    "GET /audit/verify": "a verdict",
}
"""Answers that never hold a name, so that the mark of an organisation cannot be in them."""
ABOUT_ONE = {
    ("GET /authz/explain", "userId"): "about one person, who is not found",
    ("GET /deals/board", "pipeline"): "of one pipeline, which is not found",
}
"""Answers about the one row that a parameter names."""


@dataclass
class Neighbours:
    """Two organisations, each with a row of every kind."""

    ours: Organisation
    theirs: Organisation
    their_ids: dict[str, str]


@pytest.fixture(scope="session")
async def neighbours(platform: Platform) -> Neighbours:
    """Both know nothing of each other."""
    ours, theirs = [await Organisation.founded(platform) for _ in range(2)]
    await _furnish(ours)
    return Neighbours(ours, theirs, await _furnish(theirs))


async def _furnish(org: Organisation) -> dict[str, str]:
    """A row of every kind; their ids by kind."""
    rows: dict[str, Json] = {"member": await recipes.member(org)}
    rows["role"] = await recipes.own_role(org)
    rows["key"] = await recipes.api_key(org)
    rows["company"] = await recipes.company(org)
    rows["contact"] = await recipes.contact(org)
    rows["lead"] = await recipes.lead(org)
    rows["deal"] = await recipes.deal(org)
    rows["pipeline"] = await pipeline_recipes.pipeline(org)
    rows["form"] = await pipeline_recipes.form(org)
    rows["item"] = await recipes.item(org)
    rows["invoice"] = await recipes.sent_invoice(org)
    rows |= {"note": await note(org), "tag": await tag(org)}
    rows |= {"field": await custom_field(org), "view": await view(org)}
    rows["import"] = await files_recipes.checked(org)
    rows["notification"] = await recipes.notification(org)
    await org.post(f"/deals/{rows['deal']['id']}/mark-won")
    await recipes.deal(org)  # an open one, for the board
    await org.platform.carry(org.id)
    return {"organisation": str(org.id)} | {kind: str(row["id"]) for kind, row in rows.items()}


async def _ask(org: Organisation, operation: Operation, call: Call) -> Any:
    client = await org.client()
    return await client.request(operation.method, call.url, **call.content, headers=call.headers)


def _references(operation: Operation) -> Iterator[tuple[str, ...]]:
    """The paths of all fields of the body that hold an id."""
    schema = operation.body()
    yield from _ids_in(operation, schema, ()) if schema else ()


def _ids_in(
    operation: Operation, schema: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    if "$ref" in schema:
        schema = operation.component(schema["$ref"])
    if schema.get("format") == "uuid":
        yield path
    for alternative in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _ids_in(operation, alternative, path)
    for name, value in schema.get("properties", {}).items():
        yield from _ids_in(operation, value, (*path, name))


def _filters(operation: Operation) -> list[str]:
    """The query parameters that hold an id."""
    return [
        each["name"]
        for each in operation.document["operation"].get("parameters", ())
        if each["in"] == "query"
        and any(part.get("format") == "uuid" for part in (each["schema"], *each["schema"].get("anyOf", ())))
    ]


REFERENCES = [(each, path) for each in GUARDED for path in _references(each)]
FILTERS = [(each, name) for each in GUARDED for name in _filters(each)]


def test_the_sweep_misses_no_operation_and_no_reference():
    bodies = [each for each in GUARDED if not each.has_id and each.method != "GET"]
    assert len(WITH_ID) + len(LISTS) + len(bodies) == len(GUARDED)
    assert {path[-1] for _, path in REFERENCES} | {name for _, name in FILTERS} <= set(FOREIGN)
    assert set(WITHOUT_NAMES) <= {each.line for each in LISTS}


@pytest.mark.parametrize("operation", WITH_ID, ids=lambda each: each.line)
async def test_a_row_of_another_organisation_is_not_found(operation: Operation, neighbours: Neighbours):
    call = await RECIPES[operation.id](neighbours.theirs)
    answer = await _ask(neighbours.ours, operation, call)
    assert answer.status_code == 404, answer.text
    assert answer.json()["error"]["code"] == "NOT_FOUND"
    own = await _ask(neighbours.theirs, operation, call)
    assert own.status_code < 300, own.text


@pytest.mark.parametrize(
    ("operation", "path"),
    REFERENCES,
    ids=lambda each: each.line if isinstance(each, Operation) else ".".join(each),
)
async def test_a_reference_to_another_organisation_is_refused(
    operation: Operation, path: tuple[str, ...], neighbours: Neighbours
):
    call = await RECIPES[operation.id](neighbours.ours)
    body = deepcopy(call.body or {})
    inner = body
    for name in path[:-1]:
        inner = inner.setdefault(name, {"name": "New"})
    inner[path[-1]] = neighbours.their_ids[FOREIGN[path[-1]]]
    answer = await _ask(neighbours.ours, operation, Call(call.path, body, call.headers))
    refused = {403, 404} if FOREIGN[path[-1]] == "organisation" else {400}
    assert answer.status_code in refused, answer.text
    assert neighbours.theirs.mark not in answer.text


@pytest.mark.parametrize("operation", LISTS, ids=lambda each: each.line)
async def test_a_list_shows_its_own_organisation_alone(operation: Operation, neighbours: Neighbours):
    call = await RECIPES[operation.id](neighbours.ours)
    own = await _ask(neighbours.theirs, operation, call)
    assert (neighbours.theirs.mark in own.text) == (operation.line not in WITHOUT_NAMES), own.text[:2000]
    answer = await _ask(neighbours.ours, operation, call)
    assert answer.status_code == 200, answer.text
    assert [
        each for each in (neighbours.theirs.mark, *neighbours.their_ids.values()) if each in answer.text
    ] == []


@pytest.mark.parametrize(
    ("operation", "name"), FILTERS, ids=lambda each: each.line if isinstance(each, Operation) else each
)
async def test_a_filter_by_another_organisations_id_finds_nothing(
    operation: Operation, name: str, neighbours: Neighbours
):
    call = await RECIPES[operation.id](neighbours.ours)
    client = await neighbours.ours.client()
    foreign = {name: neighbours.their_ids[FOREIGN[name]]}
    answer = await client.get(httpx2.URL(call.url).copy_merge_params(foreign))
    assert neighbours.theirs.mark not in answer.text
    if (operation.line, name) in ABOUT_ONE:
        assert answer.status_code == 404, answer.text
        return
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == "application/json":
        found = answer.json()
        columns = found.get("columns", [found])  # of a board
        assert [item for each in columns for item in each["items"]] == []
    else:
        assert len(answer.text.splitlines()) == 1, answer.text
