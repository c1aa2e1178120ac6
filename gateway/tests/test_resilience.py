"""Services that fail, come back, or have no keys; and a gateway that leaves without cutting anybody off."""

import contextlib
import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from gateway.testing.running import Gateway, running, settings_for, wait_until
from gateway.testing.tokens import Issuer
from gateway.testing.upstream import Upstream, free_port

ClientOf = Callable[[Gateway], httpx2.Client]
# Asking too often would meet the budget of a person, a tenth of the real one here.
wait_for = functools.partial(wait_until, every_seconds=0.25)
UNKEYED: dict[str, str] = {}
KEYED = {"idempotency-key": "k-1"}


@pytest.mark.parametrize(
    ("method", "headers", "retries"),
    [
        ("GET", UNKEYED, 2),
        ("HEAD", UNKEYED, 2),
        ("POST", KEYED, 2),
        ("POST", UNKEYED, 0),
        ("PUT", KEYED, 0),
        ("PATCH", KEYED, 0),
        ("DELETE", KEYED, 0),
    ],
)
def test_refused_connection_is_tried_again_only_where_that_is_safe(
    gateway: Gateway,
    signed_in: httpx2.Client,
    upstream: Upstream,
    method: str,
    headers: dict[str, str],
    retries: int,
) -> None:
    wait_for(lambda: signed_in.get("/api/v1/boards").status_code == 200, "work is healthy")
    counted = gateway.counter("cluster.work.upstream_rq_retry")
    # The health check keeps its own connection, so the service still counts as healthy.
    with upstream.refusing("work"):
        wait_until(
            lambda: gateway.counter("cluster.work.upstream_cx_active") <= 1, "only the health check is left"
        )
        answer = signed_in.request(method, "/api/v1/work-items", headers=headers)
    assert answer.status_code == 503
    assert gateway.counter("cluster.work.upstream_rq_retry") - counted == retries


@pytest.mark.parametrize(("method", "attempts"), [("GET", 3), ("POST", 1)])
def test_request_already_sent_is_repeated_only_when_it_reads(
    signed_in: httpx2.Client, upstream: Upstream, method: str, attempts: int
) -> None:
    before = upstream.attempts["billing"]
    answer = signed_in.request(method, "/api/v1/invoices", headers=KEYED | {"x-test-close": "1"})
    assert answer.status_code == 503
    assert upstream.attempts["billing"] - before == attempts


def test_client_cannot_ask_for_retries(signed_in: httpx2.Client, upstream: Upstream) -> None:
    before = upstream.attempts["billing"]
    asked = {"x-test-status": "503", "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "5"}
    assert signed_in.get("/api/v1/invoices", headers=asked).status_code == 503
    assert upstream.attempts["billing"] - before == 1


def test_service_that_is_not_ready_is_left_alone_until_it_is(
    signed_in: httpx2.Client, upstream: Upstream
) -> None:
    upstream.unready.add("reporting")
    try:
        wait_for(lambda: signed_in.get("/api/v1/ceo").status_code == 503, "reporting counts as ill")
        before = upstream.attempts["reporting"]
        answer = signed_in.get("/api/v1/dashboard/ceo")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
        assert upstream.attempts["reporting"] == before
        assert signed_in.get("/api/v1/deals").status_code == 200
    finally:
        upstream.unready.discard("reporting")
    wait_for(lambda: signed_in.get("/api/v1/ceo").status_code == 200, "reporting is back")


def test_failing_requests_do_not_shut_out_the_only_member(gateway: Gateway, signed_in: httpx2.Client) -> None:
    for _ in range(8):
        assert signed_in.post("/api/v1/feed", headers={"x-test-close": "1"}).status_code == 503
    assert signed_in.get("/api/v1/feed").status_code == 200


def test_ready_is_answered_by_a_service_that_lives(
    gateway: Gateway, client: httpx2.Client, upstream: Upstream
) -> None:
    with upstream.refusing("identity"):
        answers = [client.get("/ready") for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 12


def test_without_keys_a_token_is_not_called_wrong(
    upstream: Upstream, cert_dir: Path, tmp_path: Path, client_of: ClientOf, issuer: Issuer
) -> None:
    port = free_port()
    addresses = upstream.addresses | {"identity": ("127.0.0.1", port)}
    settings = settings_for(addresses, cert_dir)
    with running(settings, tmp_path, with_keys=False) as gateway, client_of(gateway) as client:
        assert client.get("/health").status_code == 200
        answer = client.get("/api/v1/deals", headers=issuer.bearer())
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
        assert answer.headers["retry-after"] == "1"
        assert client.get("/api/v1/deals").status_code == 401
        with Upstream(issuer.jwks, {"identity": port}):
            wait_until(
                lambda: client.get("/api/v1/deals", headers=issuer.bearer()).status_code == 200,
                "tokens are accepted once identity answers",
            )


def test_known_keys_outlive_identity(signed_in: httpx2.Client, upstream: Upstream) -> None:
    upstream.unready.add("identity")
    try:
        wait_for(lambda: signed_in.get("/api/v1/auth/me").status_code == 503, "identity counts as ill")
        assert signed_in.get("/api/v1/deals").status_code == 200
    finally:
        upstream.unready.discard("identity")
    wait_for(lambda: signed_in.get("/api/v1/auth/me").status_code == 200, "identity is back")


def test_draining_finishes_what_runs_and_then_lets_nobody_in(
    upstream: Upstream, cert_dir: Path, tmp_path: Path, client_of: ClientOf, issuer: Issuer
) -> None:
    settings = settings_for(upstream.addresses, cert_dir)
    with running(settings, tmp_path, drain_seconds=2) as gateway, client_of(gateway) as client:
        client.headers.update(issuer.bearer())
        slow: list[int] = []
        request = threading.Thread(
            target=lambda: slow.append(
                client.get("/api/v1/deals", headers={"x-test-delay": "1.5"}).status_code
            )
        )
        request.start()
        time.sleep(0.1)
        gateway.admin("/drain_listeners?graceful", post=True)
        with client_of(gateway) as another:
            assert another.get("/health").status_code == 200
        wait_until(lambda: not accepts(gateway, client_of), "new connections are refused")
        request.join()
    assert slow == [200]


def accepts(gateway: Gateway, client_of: ClientOf) -> bool:
    """Whether a new connection still gets an answer."""
    with contextlib.suppress(httpx2.TransportError), client_of(gateway) as client:
        return client.get("/health").status_code == 200
    return False
