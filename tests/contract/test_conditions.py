"""If-Match and Idempotency-Key: every command honours both, as design/api.md 2 promises."""

from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from sqlalchemy import func, select
from tests.contract.calls import Call
from tests.contract.operations import Operation, writing
from tests.contract.organisations import Organisation
from tests.contract.recipes import RECIPES

from chassis.rows import activity, outbox

ABOUT_ONE = [each for each in writing() if each.has_id or each.method in {"PUT", "PATCH"}]
COLLECTIVE = [each for each in writing() if each not in ABOUT_ONE]
KEYED = [each for each in writing() if each.method == "POST" and "/auth/" not in each.path]
"""`/auth/*` ignores the key (spec/wire.md 8)."""
KEY_REQUIRED = {"POST /invoices/{id}/payments"}


async def _written(organisation: Organisation, operation: Operation) -> tuple[Any, Any]:
    """How many facts and activity entries the service of an operation has."""
    async with organisation.platform.stands[operation.service].runtime.system.session(None) as session:
        facts = await session.scalar(select(func.count()).select_from(outbox))
        return facts, await session.scalar(select(func.count()).select_from(activity))


async def _send(organisation: Organisation, operation: Operation, call: Call, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client = await organisation.client_of(operation)
    return await client.request(operation.method, call.url, **call.content, headers=call.headers | named)


def test_every_command_is_looked_at():
    assert len(ABOUT_ONE) + len(COLLECTIVE) == len(writing())
    assert {each.line for each in COLLECTIVE} >= {"POST /companies", "POST /deals", "POST /orgs"}


@pytest.mark.parametrize("operation", ABOUT_ONE, ids=lambda each: each.line)
async def test_a_command_on_another_version_is_refused(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    before = await _written(organisation, operation)
    answer = await _send(organisation, operation, call, if_match='"999"')
    assert answer.status_code == 412, answer.text
    assert answer.json()["error"]["code"] == "STALE_VERSION"
    assert await _written(organisation, operation) == before
    again = await _send(organisation, operation, call, if_match="*")
    assert again.status_code < 300, again.text


@pytest.mark.parametrize("operation", ABOUT_ONE, ids=lambda each: each.line)
async def test_a_version_that_is_none_of_ours_is_refused(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    for tag in ('"abc"', "W/", '"1", "abc"', '"-1"', "99999999999999999999"):
        answer = await _send(organisation, operation, call, if_match=tag)
        assert answer.status_code == 400, f"{tag}: {answer.text}"


@pytest.mark.parametrize("operation", KEYED, ids=lambda each: each.line)
async def test_the_same_key_has_one_effect_and_the_same_answer(
    operation: Operation, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    key = uuid4().hex
    first = await _send(organisation, operation, call, idempotency_key=key)
    assert first.status_code < 300, first.text
    assert "idempotency-replayed" not in first.headers
    written = await _written(organisation, operation)
    again = await _send(organisation, operation, call, idempotency_key=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, _without_secrets(operation, first))
    assert again.headers.get("location") == first.headers.get("location")
    assert again.headers.get("etag") == first.headers.get("etag")
    assert await _written(organisation, operation) == written


def _without_secrets(operation: Operation, answer: httpx2.Response) -> bytes:
    """What a replay shows of an answer: not what is shown once (spec/wire.md 8)."""
    secrets = operation.document["operation"].get("x-shown-once")
    if not secrets:
        return answer.content
    return orjson.dumps({name: value for name, value in answer.json().items() if name not in secrets})


@pytest.mark.parametrize("operation", KEYED, ids=lambda each: each.line)
async def test_a_key_serves_one_request_only(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    key = uuid4().hex
    assert (await _send(organisation, operation, call, idempotency_key=key)).status_code < 300
    other = Call(call.path, (call.body or {}) | {"other": 1}, call.headers)
    answer = await _send(organisation, operation, other, idempotency_key=key)
    # A body that is not valid is refused as such, whichever is looked at first.
    assert answer.status_code in {400, 422}, answer.text
    for bad in ("", "x" * 256, "ümlaut"):
        answer = await _send_key(organisation, operation, call, bad)
        assert answer.status_code == 400, f"{bad!r}: {answer.text}"


async def _send_key(organisation: Organisation, operation: Operation, call: Call, key: str) -> Any:
    """A request with a key that needs not be ASCII."""
    headers = {name.encode(): value.encode() for name, value in call.headers.items()}
    client = await organisation.client_of(operation)
    return await client.request(
        operation.method, call.url, **call.content, headers=headers | {b"idempotency-key": key.encode()}
    )


@pytest.mark.parametrize("operation", KEYED, ids=lambda each: each.line)
async def test_a_key_is_required_where_money_moves_and_nowhere_else(
    operation: Operation, organisation: Organisation
):
    call = await RECIPES[operation.id](organisation)
    kept = {name: value for name, value in call.headers.items() if name.lower() != "idempotency-key"}
    answer = await _send(organisation, operation, Call(call.path, call.body, kept, call.form))
    if operation.line in KEY_REQUIRED:
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "IDEMPOTENCY_KEY_REQUIRED"
    else:
        assert answer.status_code < 300, answer.text
