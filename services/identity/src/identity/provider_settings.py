"""What the environment may say about OpenID providers (`IDENTITY_OIDC_PROVIDERS`)."""

import json
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel

from chassis.settings import HttpUrl

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class OidcProvider(BaseModel):
    """An OpenID provider that people may sign in with; whatever address it calls verified is believed."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    issuer: HttpUrl
    client_id: str = Field(min_length=1, max_length=255)
    client_secret: SecretStr = Field(min_length=1)
    scopes: str = Field("openid email profile", pattern=r"^openid( [!-~]+)*$")
    label: str | None = Field(None, min_length=1, max_length=80)


def is_protected(url: str, *, is_loopback_plain: bool) -> bool:
    """Whether nobody can listen: https, or http that does not leave this machine where that is allowed."""
    parts = urlsplit(url)
    return (parts.scheme == "https" and bool(parts.hostname)) or (
        is_loopback_plain and parts.scheme == "http" and parts.hostname in LOOPBACK
    )


def _read(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("must be JSON") from None


def _check_issuers(value: dict[str, OidcProvider], others: ValidationInfo) -> dict[str, OidcProvider]:
    is_loopback_plain = others.data.get("environment") == "development"
    for name, provider in value.items():
        if not is_protected(provider.issuer, is_loopback_plain=is_loopback_plain):
            raise ValueError(f"the issuer of {name} must be https")
    return value


OidcProviders = Annotated[
    dict[ProviderName, OidcProvider], BeforeValidator(_read), AfterValidator(_check_issuers)
]
"""Providers by name, as JSON."""
