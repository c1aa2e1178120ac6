"""What breaks a caller is found, what does not is let through."""

from copy import deepcopy
from typing import Any

import pytest

from tools.openapi_breaking import breaking

BEFORE: dict[str, Any] = {
    "paths": {
        "/leads": {
            "post": {
                "operationId": "create_lead",
                "parameters": [
                    {"in": "query", "name": "notify", "schema": {"type": "string", "maxLength": 9}}
                ],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LeadIn"}}}
                },
                "responses": {
                    "201": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LeadOut"}}}
                    },
                    "400": {},
                },
            },
            "get": {"operationId": "list_leads", "responses": {"200": {}}},
        }
    },
    "components": {
        "schemas": {
            "LeadIn": {
                "required": ["title"],
                "properties": {
                    "title": {"type": "string"},
                    "source": {"type": "string", "enum": ["WEB", "FAIR"]},
                    "value": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                },
            },
            "LeadOut": {
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "parent": {"$ref": "#/components/schemas/LeadOut"},
                },
            },
        }
    },
}
LEAD = "paths./leads.post"
IN, OUT = "components.schemas.LeadIn", "components.schemas.LeadOut"
GONE = object()


def changed(*edits: tuple[str, Any]) -> dict[str, Any]:
    """The document with values put at (or, with GONE, taken from) dotted places."""
    document = deepcopy(BEFORE)
    for place, value in edits:
        *way, last = place.split(".")
        node = document
        for step in way:
            node = node[step]
        if value is GONE:
            del node[last]
        else:
            node[last] = value
    return document


BREAKS = {
    "an operation": ("paths./leads.get", GONE, "GET /leads: removed"),
    "a path": ("paths./leads", GONE, "removed"),
    "the name for generated clients": (
        f"{LEAD}.operationId",
        "add_lead",
        "operationId create_lead became add_lead",
    ),
    "a parameter": (f"{LEAD}.parameters", [], "query parameter notify removed"),
    "a narrower parameter": (
        f"{LEAD}.parameters",
        [{"in": "query", "name": "notify", "schema": {"type": "string", "maxLength": 5}}],
        "maxLength 5 now",
    ),
    "a new duty": (
        f"{LEAD}.parameters",
        [{"in": "query", "name": "notify", "required": True, "schema": {"type": "string"}}],
        "query parameter notify is required now",
    ),
    "an answer": (f"{LEAD}.responses.201", GONE, "answer 201 removed"),
    "a field of the answer": (f"{OUT}.properties.id", GONE, "answer 201.id removed"),
    "a field that may be missing": (f"{OUT}.required", [], "answer 201.id is optional now"),
    "another type in the answer": (
        f"{OUT}.properties.id",
        {"type": ["string", "null"]},
        "was string, is null | string",
    ),
    "another type in a list": (f"{OUT}.properties.tags.items", {"type": "integer"}, "was string, is integer"),
    "no type any more": (f"{OUT}.properties.id", {}, "says no type now"),
    "a required field of the body": (f"{IN}.required", ["title", "source"], "body.source is required now"),
    "a field of the body": (f"{IN}.properties.source", GONE, "body.source removed"),
    "a value that was taken": (f"{IN}.properties.source.enum", ["WEB"], "no longer takes FAIR"),
    "null that was taken": (f"{IN}.properties.value", {"type": "integer"}, "was integer | null, is integer"),
    "a body that must be sent": (f"{LEAD}.requestBody.required", True, "a body is required now"),
}

STAYS = {
    "nothing": ("info", {"title": "Execos"}),
    "a new operation": ("paths./deals", {"get": {"responses": {}}}),
    "a new field of the answer": (f"{OUT}.properties.owner", {"type": "string"}),
    "a new field of the body that may be missing": (f"{IN}.properties.note", {"type": "string"}),
    "a field of the body that may be missing now": (f"{IN}.required", []),
    "a wider body": (f"{IN}.properties.title", {"type": ["string", "null"]}),
    "a further value": (f"{IN}.properties.source.enum", ["WEB", "FAIR", "CALL"]),
    "another refusal": (f"{LEAD}.responses.400", GONE),
}


@pytest.mark.parametrize(("place", "value", "sentence"), BREAKS.values(), ids=BREAKS)
def test_change_that_breaks_a_caller_is_named(place: str, value: Any, sentence: str) -> None:
    assert any(sentence in found for found in breaking(BEFORE, changed((place, value))))


@pytest.mark.parametrize(("place", "value"), STAYS.values(), ids=STAYS)
def test_change_that_no_caller_notices_passes(place: str, value: Any) -> None:
    assert breaking(BEFORE, changed((place, value))) == []
