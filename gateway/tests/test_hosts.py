"""Which hosts the gateway answers, before it looks at anything else."""

import httpx2
import pytest

from gateway.routes import JWKS_PATH
from gateway.testing.running import Gateway
from gateway.testing.upstream import Upstream


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8443",
        "127.0.0.1:9999",
        "api.execos.localhost",
        "platform.execos.localhost",
        "acme.execos.localhost",
        "ACME.Execos.localhost:443",
        "acme.execos.localhost.",
    ],
)
def test_own_hosts_are_known_with_any_port_and_case(signed_in: httpx2.Client, host: str) -> None:
    assert signed_in.get("/api/v1/deals", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "execos.localhost",
        "execos.localhost.evil.example",
        "evilexecos.localhost",
        "a.b.execos.localhost",
        "a.b.execos.localhost:8443",
        "10.0.0.1",
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/deals", "/health", "/api/v1/auth/login"])
def test_other_hosts_are_unknown_before_any_token_is_read(
    client: httpx2.Client, host: str, path: str
) -> None:
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "UNKNOWN_HOST"


def test_service_sees_the_host_the_client_named(signed_in: httpx2.Client, upstream: Upstream) -> None:
    signed_in.get("/api/v1/deals", headers={"host": "acme.execos.localhost:8443"})
    assert upstream.last().header("host") == "acme.execos.localhost"


def test_gateway_asks_for_itself_under_a_host_that_every_service_knows(
    gateway: Gateway, upstream: Upstream
) -> None:
    assert upstream.own_hosts == dict.fromkeys(["/readyz", JWKS_PATH], "api.execos.localhost")
