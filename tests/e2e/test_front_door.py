"""What the gateway itself answers: health, reference, origins, one envelope, no forged token."""

import base64
import hashlib
import hmac
import json
import os
import signal
from collections.abc import Callable

import httpx2
import pytest
from tests.e2e.conftest import People
from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Visitor, envelope

FRONTEND = "http://localhost:3000"


def test_health_is_the_gateways_and_readiness_everybodys(visit: People) -> None:
    visitor = visit()
    assert visitor.ask("GET", "/health").json() == {"status": "ok", "service": "gateway"}
    assert visitor.ask("GET", "/api/v1/health").status_code == 200
    for path in ("/ready", "/api/v1/ready", "/api/v1/health/ready"):
        body = visitor.ask("GET", path).json()
        assert body["status"] == "healthy"
        assert [each["status"] for each in body["services"]] == ["healthy"] * 6
        assert all(each["latencyMs"] >= 0 for each in body["services"])


@pytest.mark.parametrize(
    ("name", "status", "verdict"), [("notifications", 200, "degraded"), ("work", 503, "down")]
)
def test_readiness_tells_who_is_away(
    stage: Stage, visit: People, name: str, status: int, verdict: str
) -> None:
    visitor = visit()
    pid = int(stage.process(name)["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = visitor.ask("GET", "/ready")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (answer.status_code, answer.json()["status"]) == (status, verdict)
    away = {each["name"]: each["status"] for each in answer.json()["services"] if each["status"] != "healthy"}
    assert away == {name: "down"}
    eventually(stage.is_whole, "health after the pause")


def test_plain_http_leads_to_https_or_is_refused(stage: Stage) -> None:
    plain = stage.run["gateway"]["http"].replace("localhost", "127.0.0.1")
    host = {"Host": f"localhost:{stage.ports.gateway_http}"}
    moved = httpx2.get(f"{plain}/api/v1/deals?page=2", headers=host)
    assert moved.status_code == 308
    assert moved.headers["location"] == f"https://localhost:{stage.ports.gateway_https}/api/v1/deals?page=2"
    refused = httpx2.post(f"{plain}/api/v1/auth/login", headers=host, json={})
    assert refused.status_code == 400
    assert envelope(refused)["code"] == "HTTPS_REQUIRED"


def test_the_reference_page_and_the_document_need_no_token(visit: People) -> None:
    visitor = visit()
    page = visitor.ask("GET", "/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    document = visitor.ask("GET", "/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    promised = {
        "/api/v1/auth/login",
        "/api/v1/deals/{deal_id}/mark-won",
        "/api/v1/work-items",
        "/api/v1/invoices",
    }
    assert promised <= set(document["paths"])


def test_only_listed_origins_may_read(visit: People, person: Callable[[str], Visitor]) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    allowed = visit().ask("OPTIONS", "/api/v1/deals", headers={"Origin": FRONTEND, **asked})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == FRONTEND
    assert allowed.headers["access-control-allow-credentials"] == "true"
    answer = person("sales").ask("GET", "/api/v1/deals", headers={"Origin": FRONTEND})
    assert answer.headers["access-control-allow-origin"] == FRONTEND
    assert "origin" in answer.headers["vary"].lower()
    stranger = {"Origin": "https://evil.example"}
    assert (
        "access-control-allow-origin"
        not in visit().ask("OPTIONS", "/api/v1/deals", headers=stranger | asked).headers
    )
    assert (
        "access-control-allow-origin"
        not in person("sales").ask("GET", "/api/v1/deals", headers=stranger).headers
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/api/v1/nowhere", {}, 401, "UNAUTHORIZED"),
        ("GET", "/api/v1/deals", {}, 401, "UNAUTHORIZED"),
        ("GET", "/api/v1/deals", {"Authorization": "Bearer junk"}, 401, "UNAUTHORIZED"),
        ("TRACE", "/api/v1/deals", {}, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/deals%2f1", {}, 400, "BAD_REQUEST"),
        ("GET", "/health", {"x_odd": "1"}, 400, "BAD_REQUEST"),
    ],
)
def test_every_refusal_of_the_gateway_is_the_one_envelope(
    visit: People, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = visit().ask(method, path, headers=headers)
    assert answer.status_code == status, answer.text
    assert envelope(answer)["code"] == code
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


def test_addresses_of_nobody_and_bodies_without_end_are_refused(person: Callable[[str], Visitor]) -> None:
    sales = person("sales")
    nowhere = sales.ask("GET", "/api/v1/nowhere")
    assert (nowhere.status_code, envelope(nowhere)["code"]) == (404, "NOT_FOUND")
    json_type = {"Content-Type": "application/json"}
    endless = sales.ask("POST", "/api/v1/companies", content=b" " * (1024 * 1024 + 1), headers=json_type)
    assert (endless.status_code, envelope(endless)["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_well_formed_request_id_is_kept_and_comes_back(person: Callable[[str], Visitor]) -> None:
    mine = "3a4b5c6d-7e8f-4a1b-9c2d-0e1f2a3b4c5d"
    sales = person("sales")
    answer = sales.ask("GET", "/api/v1/deals/not-a-uuid", headers={"X-Request-Id": mine})
    assert answer.headers["x-request-id"] == mine
    assert envelope(answer)["requestId"] == mine
    odd = sales.ask("GET", "/api/v1/deals", headers={"X-Request-Id": "<script>"})
    assert odd.headers["x-request-id"] != "<script>"


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _unsigned(header: dict[str, object], body: str, _signature: str, _jwks: bytes) -> str:
    return f"{_part(header | {'alg': 'none'})}.{body}."


def _none_with_signature(header: dict[str, object], body: str, signature: str, _jwks: bytes) -> str:
    return f"{_part(header | {'alg': 'none'})}.{body}.{signature}"


def _hmac_with_public_key(header: dict[str, object], body: str, _signature: str, jwks: bytes) -> str:
    signed = f"{_part(header | {'alg': 'HS256'})}.{body}"
    mac = hmac.new(jwks, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _promoted(header: dict[str, object], body: str, signature: str, _jwks: bytes) -> str:
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{_part(header)}.{_part(claims | {'scope': '*', 'role': 'OWNER'})}.{signature}"


def _other_kid(header: dict[str, object], body: str, signature: str, _jwks: bytes) -> str:
    return f"{_part(header | {'kid': '../../dev/null'})}.{body}.{signature}"


def _cut(header: dict[str, object], body: str, signature: str, _jwks: bytes) -> str:
    return f"{_part(header)}.{body}.{signature[:-4]}"


@pytest.mark.parametrize(
    "forge", [_unsigned, _none_with_signature, _hmac_with_public_key, _promoted, _other_kid, _cut]
)
def test_a_forged_token_opens_neither_the_gateway_nor_a_service(
    stage: Stage, visit: People, person: Callable[[str], Visitor], forge: Callable[..., str]
) -> None:
    token = person("viewer").token
    assert token
    head, body, signature = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    jwks = visit().ask("GET", "/.well-known/jwks.json").content
    forged = {"Authorization": f"Bearer {forge(header, body, signature, jwks)}"}
    answers = [
        visit().ask("GET", "/api/v1/deals", headers=forged),
        httpx2.get(f"{stage.process('sales')['http']}/api/v1/deals", headers=forged),
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert [envelope(answer)["code"] for answer in answers] == ["UNAUTHORIZED"] * 2


def test_identity_headers_of_a_client_mean_nothing(visit: People, person: Callable[[str], Visitor]) -> None:
    forged = {
        "x-execos-user": "1",
        "x-execos-org": "1",
        "x-execos-role": "OWNER",
        "x-envoy-original-path": "/health",
    }
    assert visit().ask("GET", "/api/v1/deals", headers=forged).status_code == 401
    assert person("viewer").ask("POST", "/api/v1/deals", headers=forged, json={}).status_code == 403
