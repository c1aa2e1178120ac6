"""What the environment must say to identity (`IDENTITY_…`)."""

import base64
import binascii
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from chassis.settings import ServiceSettings, names_of, url_with
from identity.domain import demo
from identity.domain.accounts import normal_email
from identity.domain.ciphers import KEY_BYTES, Cipher
from identity.provider_settings import OidcProviders


class IdentitySettings(ServiceSettings):
    """Identity's own settings beside those of every service."""

    encryption_key: SecretStr = Field(description="32 bytes in base64: seals what must be read back")
    previous_encryption_key: SecretStr | None = Field(None, description="the key before, during its rotation")
    refresh_key: SecretStr = Field(min_length=32, description="seals refresh tokens and device marks")
    allowed_origins: str = Field("", description="origins that may call with cookies, by comma")
    passkey_rp_id: str = Field(
        "", description="domain that passkeys are for; empty: the public address's host"
    )
    cookie_samesite: Literal["none", "lax", "strict"] = "lax"
    organisations_per_day: int = Field(
        20, ge=1, description="how many organisations a person may found a day"
    )
    allow_signup: bool | None = Field(None, description="may people make accounts: yes but in production")
    sign_ups_per_day: int = Field(
        20, ge=1, description="how many people may sign up from one address before they have to wait"
    )
    oidc_providers: OidcProviders = Field(
        default_factory=dict, description="OpenID providers by name, as JSON"
    )
    invitations_per_day: int = Field(20, ge=1, description="how many people one person may invite a day")

    first_owner_email: str | None = Field(None, max_length=190, description="who owns the platform at first")
    first_owner_password: SecretStr | None = Field(
        None,
        min_length=12,
        max_length=256,
        validate_default=True,
        description="the first password of theirs",
    )
    bootstrap_token: SecretStr | None = Field(
        None, min_length=32, description="opens the platform's doors until it has an owner"
    )

    @field_validator("encryption_key", "previous_encryption_key")
    @classmethod
    def _is_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _bytes_of(value)
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in names_of(value):
            url = urlsplit(url_with("http", "https")(origin))
            if url.path.strip("/") or url.query or url.fragment:
                raise ValueError("must be scheme://host[:port] without a path, by comma")
        return value

    @field_validator("first_owner_email")
    @classmethod
    def _is_email(cls, value: str | None) -> str | None:
        email = normal_email(value) if value else None
        if email and not all(email.partition("@")):
            raise ValueError("must be an e-mail address")
        return email

    @field_validator("first_owner_password")
    @classmethod
    def _is_theirs(cls, value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if bool(value) != bool(others.data.get("first_owner_email")):
            raise ValueError("set it together with the address")
        is_public = value is not None and value.get_secret_value() in demo.PASSWORDS
        if is_public and others.data.get("environment") == "production":
            raise ValueError("is a demo password")
        return value

    @property
    def origins(self) -> frozenset[str]:
        """Origins that may use the cookies."""
        named = names_of(self.allowed_origins) | {self.public_base_url}
        return frozenset(origin.rstrip("/") for origin in named)

    @property
    def public_host(self) -> str:
        """The host of the gateway's address."""
        return urlsplit(self.public_base_url).hostname or ""

    @property
    def is_signup_open(self) -> bool:
        """Whether people may make accounts of their own."""
        return self.environment != "production" if self.allow_signup is None else self.allow_signup

    @property
    def sign_ups_per_address(self) -> int:
        """How many sign-ups of one client's address are free; the test profile multiplies such rates."""
        return self.sign_ups_per_day * (1000 if self.profile == "test" else 1)

    @property
    def is_production(self) -> bool:
        """Whether what is made here is for real."""
        return self.environment == "production"

    @property
    def rp_id(self) -> str:
        """The relying party of passkeys: pages on it or below it may use them."""
        return self.passkey_rp_id or self.public_host

    def cipher(self) -> Cipher:
        """What seals values of this deployment's database."""
        previous = self.previous_encryption_key
        return Cipher(_bytes_of(self.encryption_key), _bytes_of(previous) if previous else None)


def _bytes_of(key: SecretStr) -> bytes:
    try:
        decoded = base64.b64decode(key.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != KEY_BYTES:
        raise ValueError("must be 32 bytes in base64")
    return decoded
