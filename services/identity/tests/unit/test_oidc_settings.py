"""What a deployment may say about OpenID providers."""

import json
from typing import Any

import pytest
from services.identity.tests.openid import CLIENT

from chassis.settings import SettingsRefused, load
from identity.domain.oidc_states import is_local_path
from identity.settings import IdentitySettings

ENVIRONMENT = {
    "EXECOS_ENV": "production",
    "IDENTITY_DATABASE_URL": "postgresql://app@localhost/identity",
    "IDENTITY_SYSTEM_DATABASE_URL": "postgresql://system@localhost/identity",
    "IDENTITY_NATS_URL": "nats://localhost:4222",
    "IDENTITY_HTTP_ADDRESS": "127.0.0.1:7101",
    "IDENTITY_GRPC_ADDRESS": "127.0.0.1:7201",
    "IDENTITY_METRICS_ADDRESS": "127.0.0.1:7301",
    "IDENTITY_JWKS_URL": "http://127.0.0.1:7101/.well-known/jwks.json",
    "IDENTITY_TOKEN_ISSUER": "https://localhost:8443",
    "IDENTITY_SERVICE_SECRET": "s" * 32,
    "IDENTITY_PUBLIC_BASE_URL": "https://localhost:8443",
    "IDENTITY_ENCRYPTION_KEY": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    "IDENTITY_REFRESH_KEY": "r" * 43,
}
GOOD = CLIENT | {"issuer": "https://login.example.com"}
VARIABLE = "IDENTITY_OIDC_PROVIDERS"


def _load(providers: Any, **more: str) -> IdentitySettings:
    text = providers if isinstance(providers, str) else json.dumps(providers)
    return load(IdentitySettings, "IDENTITY_", ENVIRONMENT | {VARIABLE: text} | more)


def test_providers_are_read_and_their_secret_is_kept():
    settings = _load({"example": GOOD | {"label": "Example", "scopes": "openid email"}})
    assert settings.oidc_providers["example"].client_secret.get_secret_value() == CLIENT["clientSecret"]
    assert CLIENT["clientSecret"] not in repr(settings)
    assert load(IdentitySettings, "IDENTITY_", ENVIRONMENT).oidc_providers == {}


@pytest.mark.parametrize(
    ("providers", "said"),
    [
        ("{", f"{VARIABLE}: must be JSON"),
        ([], f"{VARIABLE}: Input should be a valid dictionary"),
        ({"Example!": GOOD}, f"{VARIABLE} (Example!.[key]): String should match pattern"),
        ({"example": CLIENT}, f"{VARIABLE} (example.issuer): missing"),
        ({"example": GOOD | {"clientSecret": ""}}, f"{VARIABLE} (example.clientSecret): "),
        ({"example": GOOD | {"scopes": "email"}}, f"{VARIABLE} (example.scopes): "),
        ({"example": GOOD | {"secret": 1}}, f"{VARIABLE} (example.secret): Extra inputs"),
        (
            {"example": GOOD | {"issuer": "http://127.0.0.1:1"}},
            f"{VARIABLE}: the issuer of example must be https",
        ),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(providers: Any, said: str):
    with pytest.raises(SettingsRefused) as refused:
        _load(providers)
    assert str(refused.value).startswith(said)
    assert CLIENT["clientSecret"] not in str(refused.value)


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9400", "http://localhost:9400"])
def test_a_provider_on_this_machine_needs_no_tls_in_development(issuer: str):
    providers = {"example": GOOD | {"issuer": issuer}}
    assert _load(providers, EXECOS_ENV="development").oidc_providers["example"].issuer == issuer


def test_a_provider_elsewhere_needs_tls_in_development_too():
    with pytest.raises(SettingsRefused, match="must be https"):
        _load({"example": GOOD | {"issuer": "http://login.example.com"}}, EXECOS_ENV="development")


@pytest.mark.parametrize("path", ["/", "/deals", "/deals?stage=open&x=%2F#top", "/a//b", "/@x", "/.//x"])
def test_a_path_of_ours_is_local(path: str):
    assert is_local_path(path)


@pytest.mark.parametrize(
    "path", ["", "x", "//x", "/\\x", "\\x", "https://x", "/x y", "/x\n", "/\tx", "/\u00e9"]
)
def test_anything_else_may_lead_away(path: str):
    assert not is_local_path(path)
