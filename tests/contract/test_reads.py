"""A read writes nothing (weakness W56): no fact, no history, no row of its own; an export alone is told of."""

import pytest
from tests.contract.operations import Operation, operations
from tests.contract.organisations import Organisation
from tests.contract.recipes import RECIPES

SIGNING_IN = {"GET /auth/oidc/{id}/callback"}
"""Where a provider sends a browser back to, which can only be a GET."""
READING = [
    each
    for each in operations()
    if each.method == "GET" and not each.is_platform and each.line not in SIGNING_IN
]
RECORDED = {f"GET /exports/{each}.csv" for each in ("companies", "contacts", "leads", "deals")}
"""Who has taken all rows along is in the audit log."""


@pytest.mark.parametrize("operation", READING, ids=lambda each: each.line)
async def test_a_read_leaves_nothing_behind(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    last = await organisation.platform.last_facts()
    answer = await client.get(call.url, headers=call.headers)
    assert answer.status_code < 400, answer.text
    written = await organisation.platform.facts_since(last, organisation.id)
    assert written == (1 if operation.line in RECORDED else 0)
