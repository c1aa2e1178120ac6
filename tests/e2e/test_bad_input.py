"""A sample of what clients must not send: always a 4xx with the one envelope, never a 5xx."""

import json
from collections.abc import Callable, Iterator

import pytest
from tests.e2e.visitor import Visitor, envelope

NOBODY = "00000000-0000-7000-8000-000000000000"
LONG = "x" * 100_000
NUL = "a\x00b"
RAW_BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe{}",
    b'{"name": "\\ud800"}',
    b'{"name": NaN}',
    b"[" * 100_000,
    b'{"name": ' + b'{"a":' * 70 + b"1" + b"}" * 71,
    b'{"name": 1e999}',
    b'{"name": "a", "name": null}',
)
JSON_BODIES: tuple[object, ...] = (
    {"name": NUL, "title": NUL},
    {"name": LONG, "title": LONG},
    {"name": "", "title": " "},
    {"name": {"a": 1}, "title": []},
    {"id": NOBODY, "orgId": NOBODY, "version": 7, "createdAt": "2020-01-01"},
    {"companyId": NOBODY, "title": "x", "dueDate": "9999-99-99", "amount": "1e30"},
    {"companyId": "x", "valueAmount": -1, "currency": "BTC", "expectedCloseDate": "0000-00-00"},
    {"title": "x", "priority": 2**70, "dueDate": "10000-01-01"},
)
COLLECTIONS = ("companies", "contacts", "leads", "deals", "work-items", "invoices", "users", "orgs")
QUERIES = (
    "page=0",
    "page=99999999999999999999",
    "pageSize=101",
    "pageSize=-1",
    "sortBy=password",
    "sortDir=up",
    "cursor=AAAA",
    "cursor=%00",
    "q=%00",
    "unknown=1",
    f"q={'x' * 5000}",
    "limit=x",
    "page=1&page=x",
)
IDS = ("1", "%00", "..", "' OR 1=1 --", NOBODY[:-1], NOBODY + "0", "٣")


def _requests() -> Iterator[tuple[str, str, bytes | None]]:
    for collection in COLLECTIONS:
        for raw in RAW_BODIES:
            yield "POST", f"/{collection}", raw
        for body in JSON_BODIES:
            yield "POST", f"/{collection}", json.dumps(body).encode()
            yield "PATCH", f"/{collection}/{NOBODY}", json.dumps(body).encode()
        for query in QUERIES:
            yield "GET", f"/{collection}?{query}", None
        for row_id in IDS:
            yield "GET", f"/{collection}/{row_id}", None
    for path in ("auth/login", "auth/switch-org", "settings/policies", "org/legal"):
        method = "PUT" if path in {"settings/policies", "org/legal"} else "POST"
        for raw in RAW_BODIES:
            yield method, f"/{path}", raw


@pytest.mark.timeout(60)
def test_nothing_a_client_sends_is_a_fault_of_ours(person: Callable[[str], Visitor]) -> None:
    owner = person("owner")
    faults, asked = [], 0
    for method, path, body in _requests():
        headers = {"Content-Type": "application/json"} if body is not None else {}
        answer = owner.ask(method, f"/api/v1{path}", content=body, headers=headers)
        asked += 1
        if answer.status_code >= 500:
            faults.append((answer.status_code, method, path[:80], (body or b"")[:80]))
        elif answer.status_code >= 400:
            envelope(answer)
    assert asked > 400
    assert faults == []


def test_headers_of_a_command_are_checked_before_it_does_anything(person: Callable[[str], Visitor]) -> None:
    sales = person("sales")
    body = {"name": "Never made by bad headers"}
    for headers, status in (
        ({"Idempotency-Key": "k" * 256}, 400),
        ({"Idempotency-Key": ""}, 400),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/xml"}, 415),
    ):
        content = json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        answer = sales.ask("POST", "/api/v1/companies", content=content, headers=kind | headers)
        assert answer.status_code == status, headers
        envelope(answer)
    assert sales.get("/companies", q=body["name"])["items"] == []


def test_a_wrong_version_is_refused_and_changes_nothing(person: Callable[[str], Visitor]) -> None:
    sales = person("sales")
    lead = sales.post("/leads", {"title": "Of one version"})
    answer = sales.ask(
        "PATCH", f"/api/v1/leads/{lead['id']}", json={"title": "Changed"}, headers={"If-Match": '"99"'}
    )
    assert (answer.status_code, envelope(answer)["code"]) == (412, "STALE_VERSION")
    assert sales.get(f"/leads/{lead['id']}")["title"] == "Of one version"
