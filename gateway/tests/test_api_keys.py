"""API keys at the gate: who is asked, what goes on, and that nobody comes in without an answer."""

from collections.abc import Callable

import httpx2
import pytest

from gateway.testing.identity_rpc import (
    CRASHING_KEY,
    GOOD_KEY,
    KEY_ID,
    SLOW_KEY,
    SPENT_KEY,
    IdentityRpc,
)
from gateway.testing.running import IDENTITY_TOKEN, Gateway
from gateway.testing.tokens import Issuer
from gateway.testing.upstream import Upstream

DEALS = "/api/v1/deals"


def claims(upstream: Upstream) -> dict[str, object]:
    """What the token says with which the last request reached a service."""
    import jwt  # noqa: PLC0415 - one test reads it

    token = (upstream.last().header("authorization") or "").removeprefix("Bearer ")
    decoded: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return decoded


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": GOOD_KEY},
        {"authorization": f"Bearer {GOOD_KEY}"},
        {"authorization": f"bearer {GOOD_KEY}"},
        {"x-api-key": GOOD_KEY, "authorization": "Bearer junk"},
    ],
)
def test_a_key_goes_on_as_a_token_that_services_know(
    client: httpx2.Client, upstream: Upstream, headers: dict[str, str]
) -> None:
    answer = client.get(DEALS, headers=headers)
    assert answer.status_code == 200, answer.text
    assert (claims(upstream)["sub"], claims(upstream)["kind"]) == (KEY_ID, "key")
    assert upstream.last().header("x-api-key") is None
    assert GOOD_KEY not in str(upstream.last().headers)


def test_whoever_has_a_token_is_not_asked_about(
    signed_in: httpx2.Client, identity_rpc: IdentityRpc, upstream: Upstream
) -> None:
    seen = len(identity_rpc.asked)
    assert signed_in.get(DEALS).status_code == 200
    assert signed_in.get(DEALS, headers={"x-api-key": ""}).status_code == 200
    assert upstream.last().header("x-api-key") is None
    assert len(identity_rpc.asked) == seen


def test_identity_is_shown_who_asks_and_no_more_than_it_needs(
    client: httpx2.Client, identity_rpc: IdentityRpc
) -> None:
    headers = {"x-api-key": GOOD_KEY, "cookie": "execos_refresh_token=secret"}
    answer = client.get(DEALS, headers=headers)
    metadata, http = identity_rpc.asked[-1]
    assert (metadata["authorization"], metadata["execos-check"]) == (IDENTITY_TOKEN, "key")
    assert http.headers["x-request-id"] == answer.headers["x-request-id"]
    assert "cookie" not in http.headers


@pytest.mark.parametrize("key", ["exk_bad", f"{GOOD_KEY},{GOOD_KEY}"])
def test_a_wrong_key_is_refused_in_identitys_words_also_beside_a_good_token(
    client: httpx2.Client, issuer: Issuer, upstream: Upstream, key: str
) -> None:
    seen = len(upstream.requests)
    for headers in ({"x-api-key": key}, {"x-api-key": key} | issuer.bearer()):
        answer = client.get(DEALS, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
        assert answer.json()["error"]["message"] == "As identity says it."
        assert answer.headers.get_list("content-type") == ["application/json"]
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]
    assert len(upstream.requests) == seen


def test_a_spent_budget_is_told_with_when_to_come_again(client: httpx2.Client) -> None:
    answer = client.get(DEALS, headers={"x-api-key": SPENT_KEY})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "TOO_MANY_REQUESTS")
    assert answer.headers["retry-after"] == "77"


def test_who_asks_for_problem_details_gets_that_type(client: httpx2.Client) -> None:
    headers = {"x-api-key": "exk_bad", "accept": "application/problem+json"}
    assert client.get(DEALS, headers=headers).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", [SLOW_KEY, CRASHING_KEY])
def test_without_an_answer_nobody_comes_in(
    client: httpx2.Client, upstream: Upstream, issuer: Issuer, key: str
) -> None:
    seen = len(upstream.requests)
    answer = client.get(DEALS, headers={"x-api-key": key} | issuer.bearer())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    assert answer.elapsed.total_seconds() < 1.5
    assert len(upstream.requests) == seen


@pytest.mark.parametrize(
    "path", ["/api/v1/auth/login", "/health", "/ready", "/api/docs", "/.well-known/jwks.json"]
)
def test_where_no_token_is_wanted_no_key_is_looked_at(
    client: httpx2.Client, identity_rpc: IdentityRpc, upstream: Upstream, path: str
) -> None:
    seen = len(identity_rpc.asked)
    assert client.get(path, headers={"x-api-key": "exk_bad"}).status_code == 200
    assert len(identity_rpc.asked) == seen
    assert all(request.header("x-api-key") is None for request in upstream.requests)


def test_a_key_opens_nothing_on_the_platforms_host(client: httpx2.Client) -> None:
    headers = {"host": "platform.execos.localhost", "x-api-key": GOOD_KEY}
    assert client.get("/api/v1/platform/tenants", headers=headers).status_code == 401


def test_an_address_that_spent_its_budget_asks_identity_nothing(
    gateway: Gateway,
    client_of: Callable[[Gateway], httpx2.Client],
    identity_rpc: IdentityRpc,
) -> None:
    with client_of(gateway) as client:
        answered = [client.get(DEALS, headers={"x-api-key": "exk_bad"}).status_code for _ in range(123)]
        seen = len(identity_rpc.asked)
        assert (answered[0], answered[-1]) == (401, 429)
        assert client.get(DEALS, headers={"x-api-key": "exk_bad"}).status_code == 429
        assert len(identity_rpc.asked) == seen
