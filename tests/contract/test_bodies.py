"""Mass assignment: what is not in the contract of a body, or is ours to set, is refused and changes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.contract.operations import WRITING, Operation, operations
from tests.contract.organisations import Organisation
from tests.contract.recipes import RECIPES

STRANGE = {
    "surprise": 1,
    "id": "01890000-0000-7000-8000-000000000000",
    "orgId": "01890000-0000-7000-8000-000000000000",
    "org_id": "01890000-0000-7000-8000-000000000000",
    "version": 7,
    "createdAt": "2020-01-01T00:00:00Z",
    "updatedAt": "2020-01-01T00:00:00Z",
    "archivedAt": "2020-01-01T00:00:00Z",
    "createdByUserId": "01890000-0000-7000-8000-000000000000",
    "isLocked": True,
    "permissions": ["*"],
    "__proto__": {"role": "OWNER"},
}
"""Fields that no body takes, each with a value that would do harm."""
READ_ONLY_IGNORED = {"PUT /settings/policies": {"id", "orgId", "version", "createdAt", "updatedAt"}}
"""Takes back what GET shows (spec/wire.md 8): these are ignored there, which is tested here too."""
OWN_FIELDS = {
    "POST /auth/switch-org": {"orgId"},
    "POST /roles": {"permissions"},
    "PATCH /roles/{id}": {"permissions"},
}
FREE = {"PUT /settings/preferences": "whatever the console wants to keep"}
"""Bodies that are any JSON object."""
WITH_BODY = [
    each
    for each in operations()
    if each.method in WRITING and each.body() is not None and each.line not in FREE
]
FORMS = [each for each in operations() if each.takes_form]
WITHOUT_BODY = [
    each for each in operations() if each.method in WRITING and each.body() is None and not each.takes_form
]


def test_every_writing_operation_is_looked_at():
    assert len(WITH_BODY) + len(WITHOUT_BODY) + len(FORMS) + len(FREE) == sum(
        each.method in WRITING for each in operations()
    )
    collective = {each.line for each in WITHOUT_BODY if not each.has_id}
    assert collective == {
        "DELETE /auth/sessions",
        "DELETE /settings/modules/{id}",
        "DELETE /settings/features/{id}",
        "POST /auth/totp/enroll",
        "POST /auth/recovery-codes",
        "POST /auth/passkeys/register/options",
        "POST /auth/passkeys/login/options",
        "POST /notifications/read-all",
        "POST /jobs/compute-health-score",
    }


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda each: each.line)
async def test_a_field_that_the_body_does_not_have_is_refused(
    operation: Operation, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    ignored = READ_ONLY_IGNORED.get(operation.line, set())
    for name in set(STRANGE) - OWN_FIELDS.get(operation.line, set()) - ignored:
        body = (call.body or {}) | {name: STRANGE[name]}
        answer = await client.request(operation.method, call.url, json=body, headers=call.headers)
        assert answer.status_code == 400, f"{name}: {answer.text}"
        error = answer.json()["error"]
        assert error["code"] == "VALIDATION_ERROR"
        assert [each["field"] for each in error["details"]] == [name]


@pytest.mark.parametrize("operation", WITHOUT_BODY, ids=lambda each: each.line)
async def test_a_door_without_a_body_takes_none_but_an_empty_object(
    operation: Operation, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    headers = {"content-type": "application/json"} | call.headers
    for content, field in (
        (b'{"status": "PAID"}', "status"),
        (b"[]", "body"),
        (b"{", "body"),
        (b"\xff", "body"),
    ):
        answer = await client.request(operation.method, call.url, content=content, headers=headers)
        assert answer.status_code == 400, f"{content!r}: {answer.text}"
        error = answer.json()["error"]
        assert (error["code"], [each["field"] for each in error["details"]]) == ("VALIDATION_ERROR", [field])
    answer = await client.request(operation.method, call.url, content=b"{}", headers=headers)
    assert answer.status_code < 300, answer.text


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda each: each.line)
async def test_a_body_that_is_no_json_object_is_refused(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    for content in (
        b"[]",
        b'"text"',
        b"7",
        b"{",
        b"\xff",
        b'{"a": 1, "a": 2}',
        b'{"name": "\\u0000"}',
        b"[" * 2000,
    ):
        headers = {"content-type": "application/json"} | call.headers
        answer = await client.request(operation.method, call.url, content=content, headers=headers)
        assert answer.status_code == 400, f"{content[:20]!r}: {answer.text}"
        assert "error" in answer.json()


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda each: each.line)
async def test_a_body_of_another_type_is_refused(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {"content-type": kind} | call.headers
        answer = await client.request(operation.method, call.url, content=b"{}", headers=headers)
        assert answer.status_code == 415, f"{kind}: {answer.text}"
        assert answer.json()["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("operation", FORMS, ids=lambda each: each.line)
async def test_a_form_is_no_json_and_has_no_field_that_is_not_its_own(
    operation: Operation, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    answer = await client.request(operation.method, call.url, json={"entity": "company"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    for name in STRANGE:
        strange = (call.form or b"").replace(b'name="entity"', f'name="{name}"'.encode())
        answer = await client.request(operation.method, call.url, content=strange, headers=call.headers)
        assert answer.status_code == 400, f"{name}: {answer.text}"
        error = answer.json()["error"]
        assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", name)


async def test_what_the_policies_show_may_be_sent_back(organisation: Organisation):
    call = await RECIPES["policies.replace"](organisation)
    before = await organisation.get("/settings/policies")
    assert call.body is not None
    forged = call.body | {name: STRANGE[name] for name in READ_ONLY_IGNORED["PUT /settings/policies"]}
    answer = await (await organisation.client()).put(call.url, json=forged)
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == before["id"]
    assert answer.json()["version"] == before["version"] + 1


def _dates_in(schema: Any) -> bool:
    return any(each.get("format") in {"date", "date-time"} for each in (schema, *schema.get("anyOf", ())))


DATED_FIELDS = [
    (each, name)
    for each in WITH_BODY
    for name, schema in (each.body() or {}).get("properties", {}).items()
    if _dates_in(schema)
]
DATED_PARAMETERS = [
    (each, parameter["name"])
    for each in operations()
    for parameter in each.document["operation"].get("parameters", ())
    if parameter["in"] == "query" and _dates_in(parameter["schema"])
]
NO_DATES = (
    "0",
    "1767225600",
    "20260310",
    "2026-W11-2",
    "2026-02-30",
    "2026-3-1",
    "today",
    "",
    "9999999999999999",
)


def test_there_are_dates_to_look_at():
    assert {name for _, name in DATED_FIELDS} >= {"dueDate", "issueDate", "receivedOn", "expectedCloseDate"}
    assert {name for _, name in DATED_PARAMETERS} >= {"createdFrom", "createdTo", "from", "to", "date"}


@pytest.mark.parametrize(("operation", "name"), DATED_FIELDS, ids=lambda each: getattr(each, "line", each))
async def test_a_field_takes_no_number_for_a_date(
    operation: Operation, name: str, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    others: list[Any] = [0, 1767225600, 1.5, True, [], {}]
    for value in (*NO_DATES, *others):
        body = (call.body or {}) | {name: value}
        answer = await client.request(operation.method, call.url, json=body, headers=call.headers)
        assert answer.status_code == 400, f"{value!r}: {answer.text}"
        assert [each["field"] for each in answer.json()["error"]["details"]] == [name]


@pytest.mark.parametrize(
    ("operation", "name"), DATED_PARAMETERS, ids=lambda each: getattr(each, "line", each)
)
async def test_a_parameter_takes_no_number_for_a_date(
    operation: Operation, name: str, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    for value in NO_DATES:
        answer = await client.get(call.url, params={name: value})
        assert answer.status_code == 400, f"{value!r}: {answer.text}"
        assert [each["field"] for each in answer.json()["error"]["details"]] == [name]


OTHER_TYPES: Mapping[str, Sequence[Any]] = {
    "string": (5, 1.5, True, ["a"], {"a": "b"}),
    "boolean": (0, 1, "true", "yes", "", [], {}),
    "integer": (True, "1", "", 1.5, [], {}),
}
"""What is of another JSON type, however near it comes."""
TYPED_FIELDS = [
    (each, name, schema["type"])
    for each in WITH_BODY
    for name, schema in (each.body() or {}).get("properties", {}).items()
    if schema.get("type") in OTHER_TYPES and "const" not in schema
]


def test_there_are_types_to_look_at():
    assert {kind for _, _, kind in TYPED_FIELDS} == set(OTHER_TYPES)


@pytest.mark.parametrize(
    ("operation", "name", "kind"), TYPED_FIELDS, ids=lambda each: getattr(each, "line", each)
)
async def test_a_field_takes_no_value_of_another_type(
    operation: Operation, name: str, kind: str, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    for value in OTHER_TYPES[kind]:
        body = (call.body or {}) | {name: value}
        answer = await client.request(operation.method, call.url, json=body, headers=call.headers)
        assert answer.status_code == 400, f"{value!r}: {answer.text}"
        fields = {each["field"].partition(".")[0] for each in answer.json()["error"]["details"]}
        assert fields == {name}
