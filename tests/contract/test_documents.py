"""Generated requests against every OpenAPI document: no crash, nothing undocumented, answers as described.

A small fixed sample by default; `make fuzz` sends EXECOS_FUZZ_EXAMPLES requests to each operation (EXECOS_FUZZ_SEED).
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import compile_path
from tests.contract.operations import Operation, documents, operations
from tests.contract.organisations import API, Organisation
from tests.contract.platform import ORDER
from tests.contract.recipes import RECIPES

EXAMPLES = int(os.environ.get("EXECOS_FUZZ_EXAMPLES", "5"))
SEED = int(os.environ.get("EXECOS_FUZZ_SEED", "20260310"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def _without_tokens(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as somebody who is signed in sees it: what a wrong token does is the matter of other tests."""
    plain = deepcopy(dict(document))
    plain["components"].pop("securitySchemes", None)
    for item in plain["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
    return plain


SCHEMAS = {name: schemathesis.openapi.from_dict(_without_tokens(documents()[name])) for name in ORDER}

Send = Callable[[Any], httpx2.Response]


def _run(operation: Operation, ids: Mapping[str, str], send: Send) -> None:
    described = SCHEMAS[operation.service][operation.path][operation.method]
    asked = operation.document["operation"]
    valid = described.as_strategy(path_parameters=dict(ids)) if ids else described.as_strategy()
    strategies = [valid]
    if asked.get("parameters") or "requestBody" in asked:
        strategies.append(described.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    for strategy in strategies:

        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def check(case: Any) -> None:
            case.validate_response(send(case), checks=CHECKS)

        check()


RULES = (f"{API}/settings/", f"{API}/custom-fields")
"""What all doors of an organisation obey: generated rules are for one that no other test works in."""


@pytest.mark.fuzz
@pytest.mark.parametrize("operation", operations(), ids=lambda each: each.line)
async def test_generated_requests_are_answered_as_documented(
    operation: Operation, organisation: Organisation
):
    if operation.path.startswith(RULES):
        organisation = await Organisation.founded(organisation.platform)
    call = await RECIPES[operation.id](organisation)
    found = compile_path(operation.path)[0].fullmatch(call.url.partition("?")[0])
    assert found is not None
    client = await organisation.client_of(operation)
    loop = asyncio.get_running_loop()

    def send(case: Any) -> httpx2.Response:
        wanted = case.as_transport_kwargs(base_url="https://service.test")
        names = {"method": "method", "url": "url", "headers": "headers", "params": "params", "json": "json"}
        kept = {
            name: wanted[given] for given, name in (names | {"data": "content"}).items() if given in wanted
        }
        return asyncio.run_coroutine_threadsafe(client.request(**kept), loop).result(timeout=30)

    # Requests are generated in a thread of their own, so that this loop can answer them.
    await asyncio.to_thread(_run, operation, found.groupdict(), send)
