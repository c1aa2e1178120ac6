"""Signing in and out through TLS and cookies, and on the organisations' own hosts."""

import base64
import json
from collections.abc import Callable

import httpx2
import pytest
from tests.e2e.conftest import People
from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Visitor, envelope

REFRESH = "/api/v1/auth/refresh"
COOKIE = "execos_refresh_token"


def claims(visitor: Visitor) -> dict[str, object]:
    assert visitor.token
    body = visitor.token.split(".")[1]
    content: dict[str, object] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return content


def test_a_session_is_renewed_by_its_cookie_and_ended_everywhere_by_logout(
    stage: Stage, visit: People
) -> None:
    visitor = visit("director@acme.example")
    given = next(cookie for cookie in visitor.cookies.jar if cookie.name == COOKIE)
    assert given.secure
    assert given.path == "/api/v1/auth"
    assert given.has_nonstandard_attr("HttpOnly")

    renewed = visitor.ask("POST", REFRESH, headers={"Origin": "http://localhost:3000"})
    assert renewed.status_code == 200
    assert visitor.cookies[COOKIE] != given.value
    visitor.token = renewed.json()["accessToken"]
    assert visitor.get("/auth/me")["email"] == "director@acme.example"

    assert visitor.ask("POST", "/api/v1/auth/logout").status_code == 200
    assert COOKIE not in visitor.cookies

    def is_refused() -> bool:
        answer = visitor.ask("GET", "/api/v1/deals")
        return answer.status_code == 401 and envelope(answer)["code"] == "TOKEN_REVOKED"

    eventually(is_refused, "the end of the session in sales", seconds=5)
    direct = httpx2.get(
        f"{stage.process('work')['http']}/api/v1/work-items",
        headers={"Authorization": f"Bearer {visitor.token}"},
    )
    assert direct.status_code == 401


def test_a_cookie_from_a_strangers_page_is_refused(visit: People) -> None:
    visitor = visit("viewer@acme.example")
    for forged in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = visitor.ask("POST", REFRESH, headers=forged)
        assert answer.status_code == 403
        assert envelope(answer)["code"] == "FORBIDDEN"


def test_an_old_refresh_token_ends_the_family(visit: People) -> None:
    visitor = visit("viewer@acme.example")
    first = visitor.cookies[COOKIE]
    for _ in range(2):
        assert visitor.ask("POST", REFRESH).status_code == 200
    newest = visitor.cookies[COOKIE]
    visitor.cookies.clear()
    for token in (first, newest):  # the grandparent is reuse, and then nobody of the family lives
        answer = visitor.ask("POST", REFRESH, headers={"Cookie": f"{COOKIE}={token}"})
        assert answer.status_code == 401
        envelope(answer)


def test_wrong_unknown_and_locked_are_answered_alike_and_a_known_device_still_gets_in(
    visit: People,
) -> None:
    known = visit("viewer@globex.example")
    stranger = visit()
    seen = {
        (answer.status_code, envelope(answer)["code"], envelope(answer)["message"])
        for answer in (
            stranger.sign_in("nobody@globex.example"),
            *(stranger.sign_in("viewer@globex.example", f"wrong password {n}") for n in range(6)),
            stranger.sign_in("viewer@globex.example"),  # right, but too late for an unknown device
        )
    }
    assert len(seen) == 1, seen
    assert seen.pop()[0] == 401
    assert known.sign_in("viewer@globex.example").status_code == 200


def test_login_is_limited_per_address_a_thousand_times_as_high_in_this_profile(visit: People) -> None:
    answer = visit().sign_in("nobody@acme.example")
    assert answer.headers["x-ratelimit-limit"].split(",")[0] == "30000"


def test_a_page_on_the_organisations_own_host_may_use_the_cookie(stage: Stage, visit: People) -> None:
    acme = visit("viewer@acme.example", host="acme.execos.localhost")
    port = stage.ports.gateway_https
    own = acme.ask("POST", REFRESH, headers={"Origin": f"https://acme.execos.localhost:{port}"})
    assert own.status_code == 200, own.text
    others = acme.ask("POST", REFRESH, headers={"Origin": f"https://globex.execos.localhost:{port}"})
    assert others.status_code == 403


def test_each_organisation_has_a_host_of_its_own(visit: People) -> None:
    acme = visit("consultant@both.example", host="acme.execos.localhost")
    globex = visit("consultant@both.example", host="globex.execos.localhost")
    assert (claims(acme)["org_slug"], claims(acme)["role"]) == ("acme", "SALES")
    assert (claims(globex)["org_slug"], claims(globex)["role"]) == ("globex", "FINANCE")
    assert acme.ask("GET", "/api/v1/deals").status_code == 200

    acme.token = globex.token  # a good token at the wrong host
    answer = acme.ask("GET", "/api/v1/deals")
    assert answer.status_code == 401
    envelope(answer)


@pytest.mark.parametrize(
    ("host", "path", "status", "code"),
    [
        ("evil.example", "/health", 404, "UNKNOWN_HOST"),
        ("nobody.execos.localhost", "/api/v1/auth/login", 404, "UNKNOWN_HOST"),
        ("nobody.execos.localhost", "/api/v1/deals", 401, None),
        ("a.acme.execos.localhost", "/api/v1/deals", 404, "UNKNOWN_HOST"),
        ("platform.execos.localhost", "/api/v1/deals", 404, "NOT_FOUND"),
    ],
)
def test_hosts_that_are_nobodys_have_no_doors(
    stage: Stage, person: Callable[[str], Visitor], host: str, path: str, status: int, code: str | None
) -> None:
    token = person("sales").token
    answer = httpx2.request(
        "POST" if path.endswith("login") else "GET",
        f"{stage.url}{path}",
        headers={"Host": host, "Authorization": f"Bearer {token}"},
        json={"email": "sales@acme.example", "password": "-"} if path.endswith("login") else None,
        verify=False,
    )
    assert answer.status_code == status, answer.text
    assert code in (None, envelope(answer)["code"])


def test_the_certificate_covers_the_names_and_nothing_else(stage: Stage, visit: People) -> None:
    for host in ("localhost", "127.0.0.1", "api.execos.localhost", "globex.execos.localhost"):
        assert visit(host=host).ask("GET", "/health").status_code == 200
    with pytest.raises(httpx2.ConnectError, match="certificate"):
        visit(host="evil.example").ask("GET", "/health")
    with pytest.raises(httpx2.ConnectError, match="certificate"):
        httpx2.get(f"{stage.url}/health")  # nobody trusts our authority but who was told
