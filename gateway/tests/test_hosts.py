"""Which hosts the gateway answers, before it looks at anything else."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from gateway.routes import JWKS_PATH, OWN_PATHS
from gateway.testing.identity_rpc import CLOSED_HOST, GOOD_KEY, OWN_HOST, IdentityRpc
from gateway.testing.running import Gateway, running, settings_for
from gateway.testing.tokens import Issuer
from gateway.testing.upstream import Upstream

PLATFORM_HOST = {"host": "platform.execos.localhost"}
TENANTS = "/api/v1/platform/tenants"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8443",
        "127.0.0.1:9999",
        "api.execos.localhost",
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
@pytest.mark.parametrize("path", ["/api/v1/deals", "/health", "/api/v1/auth/login", "/api/v1/platform", "/x"])
def test_other_hosts_are_unknown_before_any_token_is_read(
    client: httpx2.Client, host: str, path: str
) -> None:
    for headers in ({}, {"x-api-key": GOOD_KEY}):
        answer = client.get(path, headers={"host": host} | headers)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "UNKNOWN_HOST"


@pytest.mark.parametrize("host", [OWN_HOST, f"{OWN_HOST}:8443", OWN_HOST.upper(), f"{OWN_HOST}."])
def test_an_organisations_own_host_is_told_to_the_service(
    signed_in: httpx2.Client, upstream: Upstream, host: str
) -> None:
    assert signed_in.get("/api/v1/deals", headers={"host": host}).status_code == 200
    assert upstream.last().header("x-execos-tenant") == "customer"
    assert signed_in.post("/api/v1/auth/login", headers={"host": host}).status_code == 200
    assert upstream.last().header("x-execos-tenant") == "customer"
    assert signed_in.get("/health", headers={"host": host}).status_code == 200
    assert signed_in.get(TENANTS, headers={"host": host}).status_code == 404


def test_an_own_host_guards_its_doors_like_any_other(client: httpx2.Client, upstream: Upstream) -> None:
    host = {"host": OWN_HOST}
    assert client.get("/api/v1/deals", headers=host).status_code == 401
    assert client.get("/api/v1/deals", headers=host | {"x-api-key": "exk_bad"}).status_code == 401
    assert client.get("/api/v1/deals", headers=host | {"x-api-key": GOOD_KEY}).status_code == 200
    assert upstream.last().header("x-execos-tenant") == "customer"


@pytest.mark.parametrize("host", ["localhost", "acme.execos.localhost", OWN_HOST])
def test_nobody_says_from_outside_whose_host_it_is(
    signed_in: httpx2.Client, upstream: Upstream, host: str
) -> None:
    headers = {"host": host, "x-execos-tenant": "globex"}
    assert signed_in.get("/api/v1/deals", headers=headers).status_code == 200
    assert upstream.last().header("x-execos-tenant") == ("customer" if host == OWN_HOST else None)


def test_identity_is_asked_only_about_hosts_that_are_not_ours(
    signed_in: httpx2.Client, identity_rpc: IdentityRpc
) -> None:
    seen = len(identity_rpc.asked)
    for host in ("localhost", "acme.execos.localhost", "platform.execos.localhost", "a.b.execos.localhost"):
        signed_in.get("/api/v1/deals", headers={"host": host})
    assert len(identity_rpc.asked) == seen
    signed_in.get("/api/v1/deals", headers={"host": OWN_HOST})
    assert identity_rpc.questions("host")[-1].host == OWN_HOST
    assert "authorization" not in identity_rpc.questions("host")[-1].headers


def test_a_closed_organisation_says_so_at_its_own_host(client: httpx2.Client) -> None:
    answer = client.get("/api/v1/auth/login", headers={"host": CLOSED_HOST})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")


def test_without_identity_nobody_knows_whose_host_it_is(
    upstream: Upstream,
    issuer: Issuer,
    cert_dir: Path,
    tmp_path: Path,
    client_of: Callable[..., httpx2.Client],
) -> None:
    settings = settings_for(upstream.addresses, cert_dir)  # where nobody answers
    with running(settings, tmp_path) as gateway, client_of(gateway) as client:
        for path in ("/api/v1/deals", "/health", "/x"):
            answer = client.get(path, headers={"host": OWN_HOST} | issuer.bearer())
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert client.get("/api/v1/deals", headers=issuer.bearer()).status_code == 200


def test_plain_http_leads_to_https_also_at_an_own_host(gateway: Gateway) -> None:
    url = f"http://127.0.0.1:{gateway.settings.http_port}/api/v1/deals"
    answer = httpx2.get(url, headers={"host": OWN_HOST})
    assert answer.status_code == 308
    assert answer.headers["location"].startswith(f"https://{OWN_HOST}:")
    assert httpx2.get(url, headers={"host": "evil.example"}).status_code == 404


def test_service_sees_the_host_the_client_named(signed_in: httpx2.Client, upstream: Upstream) -> None:
    signed_in.get("/api/v1/deals", headers={"host": "acme.execos.localhost:8443"})
    assert upstream.last().header("host") == "acme.execos.localhost"


def test_gateway_asks_for_itself_under_a_host_that_every_service_knows(
    gateway: Gateway, upstream: Upstream
) -> None:
    assert upstream.own_hosts == dict.fromkeys(["/readyz", JWKS_PATH], "api.execos.localhost")


@pytest.mark.parametrize("host", ["platform.execos.localhost", "PLATFORM.Execos.localhost.:8443"])
def test_platform_is_administered_on_its_own_host_with_its_own_token(
    client: httpx2.Client, issuer: Issuer, upstream: Upstream, host: str
) -> None:
    theirs = issuer.bearer(aud="execos-platform")
    assert client.get(TENANTS, headers={"host": host}).status_code == 401
    assert client.get(TENANTS, headers={"host": host} | theirs).status_code == 200
    assert (upstream.last().context, upstream.last().target) == ("identity", TENANTS)


def test_a_token_is_good_for_its_own_audience_alone_also_when_it_was_seen_before(
    client: httpx2.Client, issuer: Issuer
) -> None:
    ours, theirs = issuer.bearer(), issuer.bearer(aud="execos-platform")
    for _ in range(2):
        assert client.get(TENANTS, headers=PLATFORM_HOST | theirs).status_code == 200
        assert client.get("/api/v1/deals", headers=ours).status_code == 200
        for path, headers in ((TENANTS, PLATFORM_HOST | ours), ("/api/v1/deals", theirs)):
            refused = client.get(path, headers=headers)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("platform.execos.localhost", "/api/v1/deals"),
        ("platform.execos.localhost", "/api/v1/auth/login"),
        ("platform.execos.localhost", JWKS_PATH),
        ("platform.execos.localhost", "/api/v1/platformx"),
        ("localhost", TENANTS),
        ("localhost", "/api/v1/platform"),
        ("api.execos.localhost", "/api/v1/platform/auth/login"),
        ("acme.execos.localhost", TENANTS),
    ],
)
def test_nothing_of_one_side_is_found_on_the_other(
    client: httpx2.Client, issuer: Issuer, upstream: Upstream, host: str, path: str
) -> None:
    seen = len(upstream.requests)
    for headers in ({}, issuer.bearer(), issuer.bearer(aud="execos-platform")):
        answer = client.post(path, headers={"host": host} | headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert len(upstream.requests) == seen


@pytest.mark.parametrize("path", OWN_PATHS)
def test_platform_host_tells_how_it_is(client: httpx2.Client, path: str) -> None:
    assert client.get(path, headers=PLATFORM_HOST).status_code == 200
