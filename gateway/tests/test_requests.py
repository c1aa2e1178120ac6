"""What a service may believe about a request: forged headers are gone, ids are real, sizes are bounded."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from gateway.testing.running import Gateway, running, settings_for
from gateway.testing.tokens import Issuer
from gateway.testing.upstream import Upstream

FORGED = {
    "x-execos-user": "root",
    "X-Execos-Org": "globex",
    "x-envoy-external-address": "6.6.6.6",
    "x-envoy-internal": "true",
    "x-envoy-anything": "root",
    "x-envoy-original-path": "/admin",
    "x-envoy-retry-on": "5xx",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-forwarded-for": "6.6.6.6",
    "x-forwarded-host": "evil.example",
    "x-forwarded-port": "1",
    "x-forwarded-proto": "http",
    "x-forwarded-client-cert": "Subject=root",
    "x-forwarded-prefix": "/evil",
    "forwarded": "for=6.6.6.6;host=evil.example",
    "x-real-ip": "6.6.6.6",
    "x-original-url": "/admin",
    "x-original-uri": "/admin",
    "x-rewrite-url": "/admin",
    "x-http-method-override": "DELETE",
    "x-http-method": "DELETE",
    "x-method-override": "DELETE",
    "via": "1.1 evil",
}
V4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_headers_only_a_proxy_may_set_are_replaced_or_gone(
    signed_in: httpx2.Client, upstream: Upstream
) -> None:
    answer = signed_in.get("/api/v1/deals", headers=FORGED)
    assert not [name for name in answer.headers if name.startswith("x-envoy-")]
    seen = upstream.last()
    assert [
        value for name, value in seen.headers if "evil" in value or "6.6.6.6" in value or value == "root"
    ] == []
    left = {name for name, _ in seen.headers} & {name.lower() for name in FORGED}
    assert left == {"x-forwarded-for", "x-forwarded-proto", "x-envoy-external-address"}
    assert seen.header("x-forwarded-proto") == "https"
    assert {name for name, _ in seen.headers if name.startswith("x-envoy-")} == {"x-envoy-external-address"}


def test_service_learns_the_address_the_client_has(client: httpx2.Client, upstream: Upstream) -> None:
    client.post("/api/v1/auth/login", headers={"x-forwarded-for": "6.6.6.6"})
    seen = upstream.last()
    assert seen.header("x-envoy-external-address") == seen.header("x-forwarded-for")
    assert str(seen.header("x-forwarded-for")).startswith("127.1.")


def test_behind_a_trusted_proxy_its_own_entry_names_the_client(
    upstream: Upstream, cert_dir: Path, tmp_path: Path, client_of: Callable[[Gateway], httpx2.Client]
) -> None:
    settings = settings_for(upstream.addresses, cert_dir, trusted_hops=1, rate_multiplier=0.1)
    with running(settings, tmp_path) as gateway, client_of(gateway) as client:
        answers = [
            client.post("/api/v1/auth/login", headers={"x-forwarded-for": f"6.6.6.6, {address}"}).status_code
            for address in ["9.9.9.9", "9.9.9.9", "9.9.9.9", "9.9.9.9", "8.8.8.8"]
        ]
        assert answers == [200, 200, 200, 429, 200]
        assert upstream.last().header("x-envoy-external-address") == "8.8.8.8"
        client.post("/api/v1/auth/login", headers={"x-forwarded-for": "6.6.6.6, 2001:db8::5"})
    assert upstream.last().header("x-envoy-external-address") == "2001:db8::5"


def test_trace_context_and_idempotency_key_reach_the_service(
    signed_in: httpx2.Client, upstream: Upstream
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    signed_in.post(
        "/api/v1/deals", headers={"traceparent": trace, "idempotency-key": "k 1", "if-match": '"3"'}
    )
    seen = upstream.last()
    assert (seen.header("traceparent"), seen.header("idempotency-key"), seen.header("if-match")) == (
        trace,
        "k 1",
        '"3"',
    )


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_well_formed_request_id_is_kept(
    signed_in: httpx2.Client, upstream: Upstream, spelling: Callable[[str], str]
) -> None:
    request_id = spelling(str(uuid.uuid4()))
    answer = signed_in.get("/api/v1/deals", headers={"x-request-id": request_id})
    assert answer.headers.get_list("x-request-id") == [request_id]
    assert upstream.last().header("x-request-id") == request_id


@pytest.mark.parametrize(
    "request_id",
    [
        "",
        "junk",
        "2c1d5d8e-9f3c-11ef-8a51-0c4b4cf3f0de",
        "9d8f0e2a-9f3c-9b2e-8a51-0c4b4cf3f0de",
        "9d8f0e2a-9f3c-4b2e-ca51-0c4b4cf3f0de",
        "9d8f0e2a-9f3c-4b2e-8a51-0c4b4cf3f0dex",
        "%REQ(authorization)%",
        '","code":"X',
    ],
)
def test_any_other_request_id_is_replaced(
    signed_in: httpx2.Client, upstream: Upstream, request_id: str
) -> None:
    answer = signed_in.get("/api/v1/deals", headers={"x-request-id": request_id})
    assert V4.fullmatch(answer.headers["x-request-id"])
    assert answer.headers["x-request-id"] != request_id
    assert upstream.last().header("x-request-id") == answer.headers["x-request-id"]


def test_two_request_ids_are_replaced_by_one(signed_in: httpx2.Client) -> None:
    ids = [("x-request-id", str(uuid.uuid4())), ("x-request-id", str(uuid.uuid4()))]
    answer = signed_in.get("/api/v1/deals", headers=ids)
    assert V4.fullmatch(answer.headers["x-request-id"])
    assert answer.headers["x-request-id"] not in {value for _, value in ids}


def test_service_that_echoes_the_request_id_does_not_double_it(signed_in: httpx2.Client) -> None:
    request_id = str(uuid.uuid4())
    headers = {"x-request-id": request_id, "x-test-header": f"x-request-id: {request_id}"}
    assert signed_in.get("/api/v1/deals", headers=headers).headers.get_list("x-request-id") == [request_id]


def test_body_of_one_mebibyte_passes_and_one_byte_more_does_not(signed_in: httpx2.Client) -> None:
    assert signed_in.post("/api/v1/deals", content=b"x" * 1_048_576).status_code == 200
    refused = signed_in.post("/api/v1/deals", content=b"x" * 1_048_577)
    assert refused.status_code == 413
    assert refused.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_a_file_that_is_uploaded_is_counted_by_its_service_alone(signed_in: httpx2.Client) -> None:
    assert signed_in.post("/api/v1/imports", content=b"x" * 3_000_000).status_code == 200
    for method, path in (("PUT", "/api/v1/imports"), ("POST", "/api/v1/imports/1/apply")):
        assert signed_in.request(method, path, content=b"x" * 1_048_577).status_code == 413


def _trickle(pieces: int) -> Iterator[bytes]:
    for _ in range(pieces):
        time.sleep(0.5)
        yield b"x"


def test_a_file_may_come_slowly_and_nothing_else(signed_in: httpx2.Client) -> None:
    assert signed_in.post("/api/v1/imports", content=_trickle(6)).status_code == 200
    for path in ("/api/v1/deals", "/api/v1/imports/1/apply"):
        assert signed_in.post(path, content=_trickle(6)).status_code == 408, path


def test_a_file_does_not_come_for_ever(signed_in: httpx2.Client) -> None:
    assert signed_in.post("/api/v1/imports", content=_trickle(12)).status_code == 408


@pytest.mark.parametrize("path", ["/api/v1/exports/companies.csv", "/api/v1/audit/export.csv"])
def test_a_download_may_take_its_time(signed_in: httpx2.Client, path: str) -> None:
    assert signed_in.get(path, headers={"x-test-delay": "1.3"}).status_code == 200


def test_nothing_else_may_take_its_time(signed_in: httpx2.Client) -> None:
    assert signed_in.get("/api/v1/audit", headers={"x-test-delay": "1.3"}).status_code == 504


def test_body_without_a_declared_length_is_counted(signed_in: httpx2.Client) -> None:
    assert signed_in.post("/api/v1/deals", content=iter([b"x" * 524_288] * 2)).status_code == 200
    assert signed_in.post("/api/v1/deals", content=iter([b"x" * 524_288] * 2 + [b"x"])).status_code == 413


def test_declared_length_is_refused_before_the_body_arrives(
    raw: Callable[[bytes], bytes], issuer: Issuer
) -> None:
    head = f"POST /api/v1/deals HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {issuer.token()}\r\n"
    answer = raw(head.encode() + b"Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n")
    assert b"HTTP/1.1 413 " in answer


def test_access_log_tells_who_asked_but_never_a_secret(
    gateway: Gateway, client: httpx2.Client, issuer: Issuer
) -> None:
    request_id, token = str(uuid.uuid4()), issuer.token(sub="person-1", org="organisation-1")
    headers = {"authorization": f"Bearer {token}", "x-request-id": request_id}
    client.get("/api/v1/deals?access_token=very-secret", headers=headers)
    line = gateway.log_line(request_id)
    assert (line["actor_id"], line["org_id"], line["status"]) == ("person-1", "organisation-1", 200)
    assert (line["path"], line["upstream"], line["method"]) == ("/api/v1/deals", "sales", "GET")
    assert token not in gateway.log()
    assert "very-secret" not in gateway.log()


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/invite/very-secret", "/invite/***"),
        ("/api/v1/auth/invitations/very-secret/accept", "/api/v1/auth/invitations/***"),
        ("/api/v1/forms/very-secret?x=very-secret", "/api/v1/forms/***"),
        ("/api/v1/forms", "/api/v1/forms"),
        ("/api/v1/email/unsubscribe/very-secret", "/api/v1/email/unsubscribe/***"),
    ],
)
def test_access_log_stops_before_a_token_in_the_path(
    gateway: Gateway, client: httpx2.Client, path: str, logged: str
) -> None:
    request_id = str(uuid.uuid4())
    client.get(path, headers={"x-request-id": request_id})
    assert gateway.log_line(request_id)["path"] == logged
    assert "very-secret" not in gateway.log()
