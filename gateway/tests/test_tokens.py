"""Who gets past the gateway: every attack on a token, and the paths that need none."""

import base64
import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.routes import OWN_PATHS, PLATFORM, PUBLIC_OPERATIONS, PublicOperation, find_public, path_match
from gateway.testing.running import Gateway, running, settings_for
from gateway.testing.tokens import Issuer
from gateway.testing.upstream import Upstream


def segment(content: dict[str, object]) -> str:
    """A part of a token, as written on the wire."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def without_signature(issuer: Issuer) -> str:
    return f"{segment({'alg': 'none', 'typ': 'at+jwt'})}.{segment(issuer.claims())}."


def alg_none_with_signature(issuer: Issuer) -> str:
    return f"{segment({'alg': 'none', 'kid': issuer.kid})}.{segment(issuer.claims())}.{issuer.token().split('.')[2]}"


def signed_with_the_public_key_as_a_secret(issuer: Issuer) -> str:
    pem = issuer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = base64.b64encode(pem).decode()
    return issuer.token(key=secret, algorithm="HS256")


def of_a_stranger(issuer: Issuer) -> str:
    return issuer.token(key=ec.generate_private_key(ec.SECP256R1()))


def of_a_stranger_without_kid(issuer: Issuer) -> str:
    return issuer.token(key=ec.generate_private_key(ec.SECP256R1()), headers={"kid": None})


def with_a_kid_that_is_a_path(issuer: Issuer) -> str:
    return issuer.token(headers={"kid": "../../dev/null"})


def with_its_own_key_inside(issuer: Issuer) -> str:
    stranger = Issuer(issuer.kid)
    return stranger.token(headers={"jwk": stranger.jwks()["keys"][0]})


def with_other_claims_than_signed(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return f"{header}.{segment(issuer.claims(scope='*', role='OWNER'))}.{signature}"


def expired(issuer: Issuer) -> str:
    return issuer.token(exp=int(time.time()) - 6)


def without_expiry(issuer: Issuer) -> str:
    return issuer.token(exp=None)


def not_yet_valid(issuer: Issuer) -> str:
    return issuer.token(nbf=int(time.time()) + 60)


def of_another_issuer(issuer: Issuer) -> str:
    return issuer.token(iss="https://evil.example")


def without_issuer(issuer: Issuer) -> str:
    return issuer.token(iss=None)


def for_another_audience(issuer: Issuer) -> str:
    return issuer.token(aud="platform")


def without_audience(issuer: Issuer) -> str:
    return issuer.token(aud=None)


def with_another_curve(issuer: Issuer) -> str:
    return issuer.token(key=ec.generate_private_key(ec.SECP384R1()), algorithm="ES384")


def junk(issuer: Issuer) -> str:
    return "junk"


ATTACKS = [
    without_signature,
    alg_none_with_signature,
    signed_with_the_public_key_as_a_secret,
    of_a_stranger,
    of_a_stranger_without_kid,
    with_a_kid_that_is_a_path,
    with_its_own_key_inside,
    with_other_claims_than_signed,
    expired,
    without_expiry,
    not_yet_valid,
    of_another_issuer,
    without_issuer,
    for_another_audience,
    without_audience,
    with_another_curve,
    junk,
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_wrong_token_is_refused(
    client: httpx2.Client, issuer: Issuer, upstream: Upstream, attack: Callable[[Issuer], str], scheme: str
) -> None:
    seen = len(upstream.requests)
    answer = client.get("/api/v1/deals", headers={"authorization": f"{scheme} {attack(issuer)}"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "UNAUTHORIZED"
    assert len(upstream.requests) == seen


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_valid_token_reaches_the_service_unchanged(
    client: httpx2.Client, issuer: Issuer, upstream: Upstream, scheme: str
) -> None:
    authorization = f"{scheme} {issuer.token()}"
    assert client.get("/api/v1/deals", headers={"authorization": authorization}).status_code == 200
    assert upstream.last().header("authorization") == authorization


def test_token_is_read_from_the_header_only(client: httpx2.Client, issuer: Issuer) -> None:
    client.cookies.set("access_token", issuer.token())
    assert client.get(f"/api/v1/deals?access_token={issuer.token()}").status_code == 401


def test_two_authorization_headers_are_refused(client: httpx2.Client, issuer: Issuer) -> None:
    headers = [("authorization", "Bearer junk"), ("authorization", f"Bearer {issuer.token()}")]
    assert client.get("/api/v1/deals", headers=headers).status_code == 401


NO_TOKEN = [
    *OWN_PATHS,
    *(
        re.sub("{[a-z_]+}", "Ab9-_.~", each.path)
        for each in PUBLIC_OPERATIONS
        if not (each.takes_token or each.is_shared) and not each.path.startswith(f"{PLATFORM}/")
    ),
]


@pytest.mark.parametrize("path", NO_TOKEN)
def test_public_path_needs_no_token_and_minds_no_bad_one(client: httpx2.Client, path: str) -> None:
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"authorization": "Bearer junk"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/auth/login/",
        "/api/v1/auth/loginx",
        "/api/v1/auth/login;x=1",
        "/api/v1/auth/login/..;/../deals",
        "/api/v1/auth/login%3b",
        "/api/v1/auth/Login",
        "/api/v1/auth/me",
        "/api/v1/auth",
        "/api/v1/auth/login/../../deals",
        "/health/",
        "/healthx",
        "/api/docs/x",
        "/api/v1/openapi.json/..;/deals",
        "/.well-known/jwks.json/x",
        "/.well-known/other",
        "/api/v1/nothing",
        "/readyz",
        "/metrics",
        "/",
    ],
)
def test_everything_beside_a_public_path_needs_a_token(
    client: httpx2.Client, upstream: Upstream, path: str
) -> None:
    seen = len(upstream.requests)
    answer = client.get(httpx2.URL(client.base_url, raw_path=path.encode()))
    assert answer.status_code == 401
    assert len(upstream.requests) == seen


INVITATION = PublicOperation("GET", "/api/v1/auth/invitations/{token}", limit="login")
ACCEPT = PublicOperation("POST", f"{INVITATION.path}/accept", limit="login", takes_token=True)


@pytest.fixture(scope="module")
def with_invitations(
    upstream: Upstream, cert_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway that lets only two operations through, whose paths carry a token.

    Nothing stays patched while it runs: other gateways may begin then.
    """
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("gateway.render.PUBLIC_OPERATIONS", (INVITATION, ACCEPT))
            started = running(settings_for(upstream.addresses, cert_dir), tmp_path_factory.mktemp("other"))
            gateway = stack.enter_context(started)
        yield gateway


def test_a_path_with_a_token_in_it_is_public_and_has_a_budget(
    with_invitations: Gateway, client_of: Callable[[Gateway], httpx2.Client], issuer: Issuer
) -> None:
    with client_of(with_invitations) as client:
        path = "/api/v1/auth/invitations/Ab9-_.~"
        assert client.get(path).status_code == 200
        assert client.get(path).headers["x-ratelimit-limit"] == "30"
        accept = f"{path}/accept"
        assert client.post(accept).status_code == 200
        assert client.post(accept, headers=issuer.bearer()).status_code == 200
        assert client.post(accept, headers={"authorization": "Bearer junk"}).status_code == 401
        assert client.post(accept, headers=issuer.bearer(exp=1)).status_code == 401
        line = with_invitations.log_line(client.post(accept).headers["x-request-id"])
        assert line["path"] == "/api/v1/auth/invitations/***"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/auth/invitations",
        "/api/v1/auth/invitations/",
        "/api/v1/auth/invitations/a/b",
        "/api/v1/auth/invitations/a/accept/",
        "/api/v1/auth/invitations/a;x/accept",
        "/api/v1/auth/invitations/../me",
        "/api/v1/auth/invitations/a%20b",
        "/x/api/v1/auth/invitations/a",
    ],
)
def test_beside_a_path_with_a_token_in_it_everything_is_guarded(
    with_invitations: Gateway, client_of: Callable[[Gateway], httpx2.Client], path: str
) -> None:
    with client_of(with_invitations) as client:
        answer = client.get(httpx2.URL(client.base_url, raw_path=path.encode()))
        assert answer.status_code == 401


def test_an_operation_is_found_by_method_and_path() -> None:
    assert find_public("POST", "/api/v1/auth/login") is not None
    assert find_public("GET", "/api/v1/auth/login") is None
    assert path_match("/a.b/{token}/x") == {"safe_regex": {"regex": r"/a\.b/[A-Za-z0-9._~-]+/x"}}


def test_a_public_form_takes_no_token_and_what_else_is_at_its_path_does(
    client: httpx2.Client, gateway: Gateway, issuer: Issuer
) -> None:
    path = "/api/v1/forms/Ab9-_.~"
    sent = client.post(path)
    assert (sent.status_code, sent.json()["context"]) == (200, "sales")
    assert client.post(path, headers={"authorization": "Bearer junk"}).status_code == 200
    assert gateway.log_line(sent.headers["x-request-id"])["path"] == "/api/v1/forms/***"
    for method in ("GET", "PATCH", "DELETE", "PUT"):
        assert client.request(method, path).status_code == 401
        answer = client.request(method, path, headers=issuer.bearer())
        assert (answer.status_code, answer.json()["context"]) == (200, "sales")
    for other in ("/api/v1/forms", f"{path}/x", f"{path};x"):
        assert client.post(other).status_code == 401
