"""Which web pages of other origins may read the API."""

import httpx2
import pytest

FRONTEND = "http://localhost:3000"


def preflight(client: httpx2.Client, origin: str, path: str = "/api/v1/deals") -> httpx2.Response:
    asked = {
        "origin": origin,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "if-match",
    }
    return client.options(path, headers=asked)


@pytest.mark.parametrize("origin", [FRONTEND, "http://localhost:5173"])
@pytest.mark.parametrize("path", ["/api/v1/deals", "/api/v1/auth/login", "/api/v1/nothing"])
def test_preflight_of_a_listed_origin_needs_no_token(client: httpx2.Client, origin: str, path: str) -> None:
    answer = preflight(client, origin, path)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    wanted = {"authorization", "content-type", "idempotency-key", "if-match", "x-request-id"}
    assert wanted <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://localhost:3000",
        "http://localhost:30001",
        "http://localhost:3000.evil.example",
    ],
)
def test_other_origins_are_allowed_nothing(signed_in: httpx2.Client, origin: str) -> None:
    answers = [preflight(signed_in, origin), signed_in.get("/api/v1/deals", headers={"origin": origin})]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_listed_origin_reads_answers_and_their_headers(signed_in: httpx2.Client) -> None:
    headers = signed_in.get("/api/v1/deals", headers={"origin": FRONTEND}).headers
    assert headers["access-control-allow-origin"] == FRONTEND
    exposed = set(headers["access-control-expose-headers"].split(", "))
    assert {
        "etag",
        "location",
        "retry-after",
        "x-request-id",
        "x-ratelimit-remaining",
        "server-timing",
    } <= exposed


def test_listed_origin_reads_errors_of_the_gateway_too(
    client: httpx2.Client, signed_in: httpx2.Client
) -> None:
    origin = {"origin": FRONTEND}
    unknown = signed_in.get("/api/v1/nothing", headers=origin)
    too_large = signed_in.post("/api/v1/deals", headers=origin, content=b"x" * 1_048_577)
    down = signed_in.post("/api/v1/deals", headers=origin | {"x-test-close": "1"})
    del signed_in.headers["authorization"]
    unauthorized = client.get("/api/v1/deals", headers=origin)
    limited = [client.post("/api/v1/auth/login", headers=origin) for _ in range(4)][-1]
    answers = [unknown, too_large, down, unauthorized, limited]
    assert [answer.status_code for answer in answers] == [404, 413, 503, 401, 429]
    assert {answer.headers.get("access-control-allow-origin") for answer in answers} == {FRONTEND}
