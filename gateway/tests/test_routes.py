"""Which service answers which path, and where a prefix ends."""

import httpx2
import pytest

from gateway.routes import API, PLATFORM, PREFIXES, owner_of, routes
from gateway.testing.upstream import Upstream

EVERY_PREFIX = [
    (prefix, context)
    for context, prefixes in PREFIXES.items()
    for prefix in prefixes
    if f"{API}/{prefix}" != PLATFORM  # on a host of its own: test_hosts
]


@pytest.mark.parametrize(("prefix", "context"), EVERY_PREFIX)
def test_prefix_belongs_to_its_service_and_ends_at_a_segment(
    signed_in: httpx2.Client, prefix: str, context: str
) -> None:
    for path in (f"{API}/{prefix}", f"{API}/{prefix}/1/things?q=1"):
        answer = signed_in.get(path)
        assert answer.json()["context"] == context
        assert answer.json()["target"] == path
    refused = signed_in.get(f"{API}/{prefix}x")
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "context"),
    [
        ("/api/v1/exports/companies.csv", "sales"),
        ("/api/v1/exports/work-items.csv", "work"),
        ("/api/v1/exports/expenses.csv", "billing"),
        ("/api/v1/audit/export.csv", "reporting"),
        ("/.well-known/jwks.json", "identity"),
        ("/api/v1/exports", None),
        ("/api/v1/exports/users.csv", None),
        ("/api/v1", None),
        ("/api/v2/deals", None),
        ("/readyz", None),
        ("/metrics", None),
        ("/", None),
    ],
)
def test_table_says_what_the_gateway_does(signed_in: httpx2.Client, path: str, context: str | None) -> None:
    assert owner_of(path) == context
    answer = signed_in.get(path)
    if context is None:
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "NOT_FOUND"
    elif path.startswith(API):
        assert answer.json()["context"] == context
    else:
        assert answer.json()["keys"]


def test_no_path_has_two_owners() -> None:
    paths = [route.path for route in routes()]
    assert len(paths) == len(set(paths))
    for route in routes():
        assert {other.context for other in routes() if other.matches(route.path)} == {route.context}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_reaches_the_service(signed_in: httpx2.Client, upstream: Upstream, method: str) -> None:
    assert signed_in.request(method, "/api/v1/deals/1").status_code == 200
    assert upstream.last().method == method


@pytest.mark.parametrize(
    "path", ["//api/v1/deals", "/api/./v1/deals", "/api/x/../v1/deals", "/api/v1//deals", "/api/v1\\deals"]
)
def test_path_is_normalised_before_it_is_routed(signed_in: httpx2.Client, path: str) -> None:
    answer = signed_in.get(httpx2.URL(signed_in.base_url, raw_path=path.encode()))
    assert answer.json()["target"] == "/api/v1/deals"
