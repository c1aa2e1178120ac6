"""Signing in with an OpenID provider through Envoy: away to its page and back with a session."""

from urllib.parse import urlsplit

import httpx2
from services.identity.tests.openid import StandardProvider
from tests.e2e.conftest import People
from tests.e2e.visitor import Visitor

PERSON = "cashier@globex.example"
START = "/api/v1/auth/oidc/e2e/start"


def _back(visitor: Visitor, address: str) -> httpx2.Response:
    url = urlsplit(address)
    return visitor.ask("GET", f"{url.path}?{url.query}")


def test_a_person_comes_back_from_their_provider_signed_in(visit: People, openid: StandardProvider) -> None:
    visitor, stranger = visit(), visit()
    assert visitor.get("/auth/oidc")["items"], "the platform ran before the tests and trusts no provider"
    openid.know("e2e", email=PERSON, email_verified=True)
    begun = visitor.ask("GET", START, params={"returnTo": "/work"})
    assert begun.status_code == 302
    callback = openid.sign_in(begun.headers["location"], "e2e")
    assert _back(stranger, callback).headers["location"].endswith("/login?error=SIGN_IN_LOST")
    come = _back(visitor, callback)
    assert come.status_code == 303
    assert urlsplit(come.headers["location"]).path == "/work"
    assert _back(visitor, callback).headers["location"].endswith("/login?error=SIGN_IN_LOST")
    visitor.token = visitor.ask("POST", "/api/v1/auth/refresh").json()["accessToken"]
    assert visitor.get("/auth/me")["email"] == PERSON
    (identity,) = visitor.get("/auth/identities")["items"]
    assert visitor.ask("DELETE", f"/api/v1/auth/identities/{identity['id']}").status_code == 204
    assert visitor.ask("GET", START, params={"returnTo": "//evil.example"}).status_code == 400
