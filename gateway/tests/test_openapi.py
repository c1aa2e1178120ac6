"""Joining the services' documents: nothing is lost, nothing contradicts, and the result is always the same."""

from typing import Any

import pytest

from gateway.openapi import DocumentConflictError, merge, to_text

Document = dict[str, Any]


def document(paths: Document, **parts: Any) -> Document:
    """A service's document with these paths."""
    return {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths} | parts


def operation(operation_id: str, **parts: Any) -> Document:
    return {"operationId": operation_id, "responses": {"200": {"description": "Fine"}}} | parts


SALES = document(
    {"/api/v1/deals": {"get": operation("deals.search"), "post": operation("deals.create")}},
    tags=[{"name": "deals", "description": "Deals"}],
    components={"schemas": {"Error": {"type": "object"}, "Deal": {"type": "object"}}},
)
WORK = document(
    {
        "/api/v1/work-items/{id}": {"get": operation("workItems.read")},
        "/readyz": {"get": operation("readyz")},
    },
    components={"schemas": {"Error": {"type": "object"}}},
)
LOGIN = operation("auth.login", **{"x-public": True})


def test_documents_of_the_services_become_one() -> None:
    merged = merge({"work": WORK, "sales": SALES})
    assert {"/api/v1/deals", "/api/v1/work-items/{id}", "/health", "/api/docs"} <= set(merged["paths"])
    assert set(merged["components"]["schemas"]) == {"Error", "Deal"}
    assert [tag["name"] for tag in merged["tags"]] == ["deals", "gateway"]
    assert merged["security"] == [{"bearerAuth": []}]
    assert merged["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("permission", "schemes"), [("signed-in", {"bearerAuth"}), ("deals:read", {"bearerAuth", "apiKeyAuth"})]
)
def test_a_key_is_good_where_a_permission_decides_and_not_who_somebody_is(
    permission: str, schemes: set[str]
) -> None:
    told = operation("deals.search", **{"x-permission": permission})
    merged = merge({"sales": document({"/api/v1/deals": {"get": told}})})
    security = merged["paths"]["/api/v1/deals"]["get"]["security"]
    assert {name for way in security for name in way} == schemes
    assert schemes <= set(merged["components"]["securitySchemes"])


def test_internal_paths_of_a_service_stay_inside() -> None:
    assert "/readyz" not in merge({"work": WORK})["paths"]


def test_result_does_not_depend_on_the_order_of_reading() -> None:
    assert to_text(merge({"work": WORK, "sales": SALES})) == to_text(merge({"sales": SALES, "work": WORK}))


def test_without_any_service_the_gateway_still_documents_itself() -> None:
    paths = merge({})["paths"]
    assert {"/health", "/ready", "/api/v1/openapi.json", "/api/docs"} <= set(paths)
    assert all(item["get"]["security"] == [] for item in paths.values())


def test_public_operation_is_marked_as_needing_no_token() -> None:
    merged = merge({"identity": document({"/api/v1/auth/login": {"post": LOGIN}})})
    assert merged["paths"]["/api/v1/auth/login"]["post"]["security"] == []


@pytest.mark.parametrize(
    ("context", "path", "item", "complaint"),
    [
        (
            "work",
            "/api/v1/deals",
            {"get": operation("x")},
            "work documents /api/v1/deals, which the gateway sends to sales",
        ),
        ("work", "/api/v1/other", {"get": operation("x")}, "sends to nobody"),
        ("work", "/api/v1/boards", {"get": operation("deals.search")}, "are both deals.search"),
        ("work", "/api/v1/boards", {"get": {"responses": {}}}, "has no operationId"),
        ("work", "/api/v1/boards", {"get": LOGIN}, "wants no token for GET /api/v1/boards"),
        (
            "identity",
            "/api/v1/auth/login",
            {"post": operation("x")},
            "wants a token for POST /api/v1/auth/login",
        ),
        ("identity", "/api/v1/auth/login", {"post": LOGIN, "get": LOGIN}, "wants no token for GET"),
    ],
)
def test_contradiction_fails_and_is_named(context: str, path: str, item: Document, complaint: str) -> None:
    with pytest.raises(DocumentConflictError, match=complaint):
        merge({"sales": SALES, context: document({path: item})})


def test_schemas_of_one_name_and_different_shape_get_the_names_of_their_services() -> None:
    deal = {"$ref": "#/components/schemas/Deal"}
    page = {"type": "array", "items": deal}
    ours = document({}, components={"schemas": {"Deal": {"type": "object"}, "Page": page}})
    other = document(
        {"/api/v1/boards": {"get": operation("boards.read", x=deal)}},
        components={"schemas": {"Deal": {"type": "string"}, "Page": page, "Own": {"type": "string"}}},
    )
    merged = merge({"sales": ours, "work": other})
    assert set(merged["components"]["schemas"]) == {
        "sales.Deal",
        "sales.Page",
        "work.Deal",
        "work.Page",
        "Own",
    }
    assert merged["components"]["schemas"]["work.Page"]["items"]["$ref"] == "#/components/schemas/work.Deal"
    assert merged["paths"]["/api/v1/boards"]["get"]["x"]["$ref"] == "#/components/schemas/work.Deal"


def test_there_is_one_error_envelope() -> None:
    other = document({}, components={"schemas": {"Error": {"type": "string"}}})
    with pytest.raises(
        DocumentConflictError, match="component schemas/Error of work differs from another service's"
    ):
        merge({"sales": SALES, "work": other})
