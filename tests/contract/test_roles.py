"""Who may do what: the literal table, what the doors declare, and what really happens are the same."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.operations import WRITING, Operation, grpc_methods, merged_paths, operations
from tests.contract.organisations import Organisation
from tests.contract.permissions import DOCUMENT, text
from tests.contract.platform import ORDER, service_named
from tests.contract.recipes import RECIPES
from tests.contract.roles_table import OF_OTHERS, PLATFORM, PUBLIC, TABLE, WITHIN, roles_of

from gateway.routes import PUBLIC_OPERATIONS, owner_of
from identity.domain.permissions import CATALOGUE
from identity.domain.roles import Role, permissions_of
from identity.rpc.authorization import CHECK

WITHOUT_ADDRESS = {
    "POST /orgs": "the new organisation is read after switching to it",
    "POST /forms/{id}": "whoever sends a form learns nothing of what became of it",
}
"""Creations without a Location."""
BY_ID = {each.id: each for each in operations()}
GUARDED = [each for each in operations() if not (each.is_public or each.is_platform)]


def test_every_operation_has_its_line_in_the_table_and_every_line_its_operation():
    assert {each.line for each in GUARDED} == set(TABLE)
    assert {each.line for each in operations() if each.is_public} == set(PUBLIC)
    platform = {each.line for each in operations() if each.permission == "platform"}
    assert platform == set(PLATFORM) == {each.line for each in operations() if each.is_platform} - set(PUBLIC)
    assert len(operations()) == len(TABLE) + len(PUBLIC) + len(PLATFORM)


def test_every_operation_has_a_request_that_succeeds():
    assert set(RECIPES) == set(BY_ID)


def test_the_gateway_passes_on_exactly_these_operations():
    passed = {
        (method.upper(), path)
        for path, item in merged_paths().items()
        for method, operation in item.items()
        if "gateway" not in operation["tags"]
    }
    assert passed == {(each.method, each.path) for each in operations()}
    assert [each.path for each in operations() if owner_of(each.path) != each.service] == []
    public = {(each.method, each.path) for each in PUBLIC_OPERATIONS}
    assert public == {(each.method, each.path) for each in operations() if each.is_public}


def test_every_grpc_method_names_its_callers_and_nobody_else_is_named():
    callers = {method: names for name in ORDER for method, names in service_named(name).callers.items()}
    jobs = {method for method in grpc_methods() if method.startswith("/execos.platform.v1.JobsService/")}
    assert set(callers) | jobs == {*grpc_methods(), CHECK}
    assert callers.pop(CHECK) == {"gateway"}
    assert set().union(*callers.values()) <= set(ORDER)


@pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.line)
def test_the_roles_that_hold_the_permission_are_those_of_the_table(operation: Operation):
    held = {
        role
        for role in Role
        if operation.permission == "signed-in" or operation.permissions & set(permissions_of(role))
    }
    assert held == roles_of(TABLE[operation.line])


def test_every_permission_of_the_catalogue_opens_a_door():
    asked = {permission for each in GUARDED for permission in each.permissions} - {"signed-in"}
    assert {each.key for each in CATALOGUE} == asked | set(WITHIN)
    assert asked.isdisjoint(WITHIN)


@pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.line)
async def test_exactly_the_roles_of_the_table_are_let_in(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    allowed = roles_of(OF_OTHERS.get(operation.line, TABLE[operation.line]))
    for role in sorted(Role, key=lambda each: each in allowed):
        client = await organisation.client(role)
        answer = await client.request(operation.method, call.url, **call.content, headers=call.headers)
        where = f"{role}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500, where
        assert answer.status_code != 401, where
        assert (answer.status_code == 403) == (role not in allowed), where


@pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.line)
async def test_nobody_is_let_in_without_a_token(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    async with organisation.platform.client() as anonymous:
        answer = await anonymous.request(operation.method, call.url, **call.content, headers=call.headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.line)
async def test_whoever_may_not_come_in_is_told_that_before_what_else_is_wrong(
    operation: Operation, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    denied = next((role for role in Role if role not in roles_of(TABLE[operation.line])), None)
    url = f"{call.url}{'&' if '?' in call.url else '?'}surprise=1"
    json = {"content-type": "application/json"} | call.headers
    bodies = (b"{", b'{"surprise": 1}', b"[" * 100) if operation.method in WRITING else (b"",)
    async with organisation.platform.client() as anonymous:
        for body in bodies:
            answer = await anonymous.request(operation.method, url, content=body, headers=json)
            assert answer.status_code == 401, f"{body!r}: {answer.text}"
            if denied is not None:
                client = await organisation.client(denied)
                answer = await client.request(operation.method, url, content=body, headers=json)
                assert answer.status_code == 403, f"{body!r}: {answer.text}"


@pytest.mark.parametrize("operation", operations(), ids=lambda each: each.line)
async def test_the_owner_succeeds_as_the_document_says(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    if operation.id in {"auth.refresh", "auth.logout"}:  # these live on the cookie, not on the token
        again = replace(organisation.owner, browser=organisation.platform.place.browser())
        await again.sign_in()
        answer = await again.browser.post(call.path, **call.content)
    else:
        sender = (
            client if operation.is_platform or not operation.is_public else organisation.platform.client()
        )
        answer = await sender.request(operation.method, call.url, **call.content, headers=call.headers)
    promised = [status for status in operation.document["operation"]["responses"] if status < "400"]
    assert str(answer.status_code) in promised, answer.text
    if answer.status_code in {201, 202} and operation.line not in WITHOUT_ADDRESS:
        assert (await client.get(answer.headers["location"])).status_code == 200


def test_the_page_of_permissions_is_what_the_table_says():
    assert Path(DOCUMENT).read_text() == text(), "run `make permissions`"
