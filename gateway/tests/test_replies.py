"""Every error that the gateway answers itself has the envelope, the security headers and a request id."""

import json
from collections.abc import Callable

import httpx2
import pytest

from gateway.replies import replies
from gateway.testing.running import Gateway
from gateway.testing.tokens import Issuer
from gateway.testing.upstream import Upstream

PROBLEM = "application/problem+json"
SECURITY_HEADERS = {
    "strict-transport-security": "max-age=0",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "vary": "Origin",
}


def parse(answer: bytes) -> tuple[int, dict[str, str], dict[str, object]]:
    """Status, headers and JSON body of an answer as bytes."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, json.loads(body)


def assert_enveloped(answer: httpx2.Response, status: int, code: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert error["message"]
    assert error["requestId"] == answer.headers["x-request-id"]
    assert_secured(answer.headers)


def assert_secured(headers: object) -> None:
    assert isinstance(headers, dict | httpx2.Headers)
    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "server" not in headers


def test_answer_of_a_service_carries_the_security_headers_and_no_server(signed_in: httpx2.Client) -> None:
    assert_secured(signed_in.get("/api/v1/deals").headers)


def test_service_may_set_its_own_caching_and_content_policy(signed_in: httpx2.Client) -> None:
    own = [("x-test-header", "cache-control: private"), ("x-test-header", "content-security-policy: sandbox")]
    headers = signed_in.get("/api/v1/deals", headers=own).headers
    assert headers.get_list("cache-control") == ["private"]
    assert headers.get_list("content-security-policy") == ["sandbox"]


def test_error_of_a_service_passes_as_it_is(signed_in: httpx2.Client) -> None:
    for status in (400, 401, 403, 404, 405, 409, 429, 500, 503):
        answer = signed_in.get("/api/v1/deals", headers={"x-test-status": str(status)})
        assert answer.status_code == status
        assert answer.json()["context"] == "sales"


def test_missing_token_is_401(client: httpx2.Client) -> None:
    assert_enveloped(client.get("/api/v1/deals"), 401, "UNAUTHORIZED")


def test_unknown_path_is_404(signed_in: httpx2.Client) -> None:
    assert_enveloped(signed_in.get("/api/v1/nothing"), 404, "NOT_FOUND")


def test_unknown_host_is_404(client: httpx2.Client) -> None:
    assert_enveloped(client.get("/", headers={"host": "evil.example"}), 404, "UNKNOWN_HOST")


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND"])
def test_strange_method_is_405_and_told_what_is_allowed(
    signed_in: httpx2.Client, upstream: Upstream, method: str
) -> None:
    seen = len(upstream.requests)
    answer = signed_in.request(method, "/api/v1/deals")
    assert_enveloped(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    assert len(upstream.requests) == seen


def test_tunnel_is_405_at_once(raw: Callable[[bytes], bytes]) -> None:
    status, headers, body = parse(raw(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n"))
    assert (status, body["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")  # type: ignore[index]
    assert_secured(headers)


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/api/v1/openapi.json", "/api/docs", "/api/v1/health/ready"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_that_are_only_read_say_so(client: httpx2.Client, path: str, method: str) -> None:
    answer = client.request(method, path)
    assert_enveloped(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD"


def test_websocket_is_400(signed_in: httpx2.Client) -> None:
    upgrade = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "eA==",
    }
    assert_enveloped(signed_in.get("/api/v1/stream", headers=upgrade), 400, "BAD_REQUEST")


@pytest.mark.parametrize("path", ["/api/v1/deals%2f1", "/api/v1/deals%5c1", "/api/v1/deals%00", "/x#y"])
def test_path_with_hidden_separators_is_400(raw: Callable[[bytes], bytes], path: str) -> None:
    status, headers, body = parse(raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()))
    assert (status, body["error"]["code"]) == (400, "BAD_REQUEST")  # type: ignore[index]
    assert_secured(headers)


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "BAD_REQUEST"),
        (b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", 426, "UPGRADE_REQUIRED"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nuser_id: 1\r\n\r\n", 400, "BAD_REQUEST"),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            400,
            "BAD_REQUEST",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "BAD_REQUEST",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nx-big: " + b"x" * 33_000 + b"\r\n\r\n",
            431,
            "REQUEST_HEADER_FIELDS_TOO_LARGE",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\n"
            + b"".join(b"x-%d: 1\r\n" % n for n in range(65))
            + b"\r\n",
            431,
            "REQUEST_HEADER_FIELDS_TOO_LARGE",
        ),
    ],
    ids=[
        "no HTTP",
        "no such method",
        "no host",
        "HTTP/1.0",
        "underscore",
        "two lengths",
        "length and chunks",
        "big header",
        "many headers",
    ],
)
def test_malformed_request_gets_the_envelope(
    raw: Callable[[bytes], bytes], request_bytes: bytes, status: int, code: str
) -> None:
    answered, headers, body = parse(raw(request_bytes))
    assert (answered, body["error"]["code"]) == (status, code)  # type: ignore[index]
    assert_secured(headers)


def test_headers_that_never_end_are_408(gateway: Gateway, raw: Callable[[bytes], bytes]) -> None:
    counted = gateway.counter("http.https.downstream_rq_header_timeout")
    status, _, body = parse(raw(b"GET /health HTTP/1.1\r\nHost: localhost\r\n"))
    assert (status, body["error"]["code"]) == (408, "REQUEST_TIMEOUT")  # type: ignore[index]
    assert gateway.counter("http.https.downstream_rq_header_timeout") == counted + 1


def test_body_that_never_ends_is_408(gateway: Gateway, raw: Callable[[bytes], bytes], issuer: Issuer) -> None:
    counted = gateway.counter("http.https.downstream_rq_max_duration_reached")
    head = f"POST /api/v1/deals HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {issuer.token()}\r\n"
    status, _, body = parse(raw(head.encode() + b"Content-Length: 10\r\n\r\nx"))
    assert (status, body["error"]["code"]) == (408, "REQUEST_TIMEOUT")  # type: ignore[index]
    assert gateway.counter("http.https.downstream_rq_max_duration_reached") == counted + 1


def test_service_that_does_not_answer_is_504(signed_in: httpx2.Client) -> None:
    answer = signed_in.get("/api/v1/deals", headers={"x-test-delay": "3"})
    assert_enveloped(answer, 504, "GATEWAY_TIMEOUT")


def test_service_that_hangs_up_is_503_with_a_time_to_come_back(signed_in: httpx2.Client) -> None:
    answer = signed_in.post("/api/v1/deals", headers={"x-test-close": "1"})
    assert_enveloped(answer, 503, "SERVICE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


def test_problem_details_are_answered_to_those_who_ask(client: httpx2.Client) -> None:
    answer = client.get("/api/v1/deals", headers={"accept": f"{PROBLEM}, application/json;q=0.5"})
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "A valid access token is required.",
        "code": "UNAUTHORIZED",
        "requestId": answer.headers["x-request-id"],
    }


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {"host": "evil.example"}),
        ("TRACE", "/api/v1/deals", {}),
        ("POST", "/health", {}),
        ("GET", "/api/v1/nothing", {}),
        ("POST", "/api/v1/deals", {"x-test-close": "1"}),
        ("GET", "/api/v1/stream", {"connection": "upgrade", "upgrade": "websocket"}),
    ],
)
def test_problem_details_say_what_the_envelope_says(
    signed_in: httpx2.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    plain = signed_in.request(method, path, headers=headers)
    problem = signed_in.request(method, path, headers=headers | {"accept": PROBLEM})
    error = plain.json()["error"]
    found = problem.json()
    assert (problem.status_code, found["status"], found["code"]) == (
        plain.status_code,
        plain.status_code,
        error["code"],
    )
    assert found["detail"] == error["message"]


def test_replies_name_their_cause_in_the_words_of_an_api() -> None:
    for reply in replies():
        assert reply.code == reply.code.upper()
        assert reply.message.endswith(".")
        assert 400 <= reply.status <= 504
