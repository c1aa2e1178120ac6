"""What the gateway answers itself: health, readiness, the OpenAPI document and the reference page."""

import base64
import hashlib
import json
import re
from pathlib import Path

import httpx2
import pytest

from gateway.reference import reference_page
from gateway.routes import HEALTH_PATHS, READY_PATHS

COMMITTED = Path(__file__).parents[1] / "openapi.json"


@pytest.mark.parametrize("path", HEALTH_PATHS)
def test_health_is_answered_without_any_service(client: httpx2.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.json() == {"status": "ok", "service": "gateway"}
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", READY_PATHS)
def test_every_spelling_of_ready_asks_a_service(client: httpx2.Client, path: str) -> None:
    assert client.get(f"{path}?verbose=1").json()["target"] == "/ready?verbose=1"


def test_head_of_a_page_has_no_body(client: httpx2.Client) -> None:
    for path in ("/health", "/api/docs", "/api/v1/openapi.json"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


def test_committed_document_is_served(client: httpx2.Client) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(COMMITTED.read_text())


def test_reference_page_runs_only_its_own_script_and_style(client: httpx2.Client) -> None:
    answer = client.get("/api/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert "unsafe" not in policy[0]
    for kind in ("script", "style"):
        blocks = re.findall(rf"<{kind}>(.*?)</{kind}>", answer.text, re.DOTALL)
        assert len(blocks) == 1
        digest = base64.b64encode(hashlib.sha256(blocks[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[0]


def test_reference_page_needs_nothing_from_elsewhere() -> None:
    page = reference_page()
    assert re.findall(r"(?:src|href)=[\"']?(\S+?)[\"'>]", page) == ["/api/v1/openapi.json"]
    assert not re.search(r"https?://|@import|\burl\(|style=|onclick=|innerHTML|eval\(", page)
