"""OpenID providers: where they send people, and what their signed answers say (OpenID Connect Core 1.0)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from chassis.errors import DependencyUnavailable, NotFound, Unauthenticated
from identity.domain.external_identities import MAX_SUBJECT, Vouched
from identity.domain.oidc_states import Begun, OidcState
from identity.provider_settings import OidcProvider, is_protected
from identity.settings import IdentitySettings

log = structlog.get_logger()

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Of signatures only: neither `none` nor a shared secret, whatever a provider says of itself."""
KEPT_SECONDS = 3600.0
UNKNOWN_KEY_COOLDOWN_SECONDS = 30.0
START_SECONDS = 5.0
FINISH_SECONDS = 10.0
"""Below the gateway's patience of fifteen seconds."""
LEEWAY_SECONDS = 60
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")

Json = Mapping[str, Any]
T = TypeVar("T")


class ProviderRefused(Unauthenticated):
    """The provider did not vouch for anybody, or not in a way that holds."""

    reason = "PROVIDER_REFUSED"

    def __init__(self) -> None:
        super().__init__("The provider did not sign anybody in.")


class Kept(NamedTuple, Generic[T]):
    """Something that a provider publishes, and when it was asked."""

    value: T
    at: float


class Provider:
    """One provider; what it publishes is kept for a while and asked for again when a new key appears."""

    def __init__(self, name: str, configured: OidcProvider, callback_url: str) -> None:
        self.name = name
        self.label = configured.label or name.capitalize()
        self._configured = configured
        self._callback_url = callback_url
        self._known: Kept[Json] | None = None
        self._keys: Kept[KeySet] | None = None

    async def address(self, begun: Begun) -> str:
        """Where the browser goes to sign in; DependencyUnavailable while the provider does not answer."""
        async with self._asking(START_SECONDS) as client:
            metadata = await self._metadata(client)
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=begun.state,
                code_verifier=begun.row.code_verifier,
                nonce=begun.row.nonce,
            )
            return str(url)

    async def vouch(self, code: str, begun: OidcState, now: datetime) -> Vouched:
        """Whom the provider vouches for; ProviderRefused where it does not, DependencyUnavailable without an answer."""
        async with self._asking(FINISH_SECONDS) as client:
            metadata = await self._metadata(client)
            client.token_endpoint_auth_method = _auth_method(metadata)
            tokens = await client.fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=begun.code_verifier,
            )
            claims = await self._verified(client, tokens, begun.nonce, now)
            more = {} if "email" in claims else await self._told_beside(client, metadata, claims["sub"])
        return self._vouched({**more, **claims})

    async def _verified(
        self, client: AsyncOAuth2Client, tokens: Json, nonce: str, now: datetime
    ) -> CodeIDToken:
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefused
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        try:
            decoded = jwt.decode(token, await self._key_set(client), registry=registry)
        except InvalidKeyIdError:
            decoded = jwt.decode(token, await self._key_set(client, is_missed=True), registry=registry)
        client_id = self._configured.client_id
        options = {
            "iss": {"essential": True, "value": self._configured.issuer},
            "aud": {"essential": True, "value": client_id},
        }
        known = {"nonce": nonce, "client_id": client_id, "access_token": tokens.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, options, known)
        claims.validate(int(now.timestamp()), LEEWAY_SECONDS)
        return claims

    async def _told_beside(self, client: AsyncOAuth2Client, metadata: Json, subject: str) -> Json:
        """The claims of the userinfo endpoint: many providers say the e-mail address only there."""
        told = _object(await client.get(metadata["userinfo_endpoint"]))
        if told.get("sub") != subject:  # OpenID Connect Core 5.3.2: it might be about somebody else
            raise ProviderRefused
        return {name: told[name] for name in ("email", "email_verified") if name in told}

    def _vouched(self, claims: Json) -> Vouched:
        subject, email = claims["sub"], claims.get("email")
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
            raise ProviderRefused
        methods = claims.get("amr") or ()
        return Vouched(
            provider=self.name,
            subject=subject,
            email=email if isinstance(email, str) and email.isprintable() else None,
            is_email_verified=claims.get("email_verified") is True,
            is_multi_factor="mfa" in methods,
        )

    async def _metadata(self, client: AsyncOAuth2Client) -> Json:
        now = asyncio.get_running_loop().time()
        if self._known is None or now - self._known.at > KEPT_SECONDS:
            url = f"{self._configured.issuer.rstrip('/')}/.well-known/openid-configuration"
            metadata = await _published(client, url)
            self._check(metadata)
            self._known = Kept(metadata, now)
        return self._known.value

    def _check(self, metadata: Json) -> None:
        """ValueError unless it is the metadata of this issuer and sends nobody and no secret over a plain line."""
        issuer = self._configured.issuer
        if metadata.get("issuer") != issuer:  # OpenID Connect Discovery 4.3
            raise ValueError("the metadata is that of another issuer")
        is_plain = issuer.startswith("http:")
        for name in ENDPOINTS:
            if not is_protected(str(metadata.get(name, "")), is_loopback_plain=is_plain):
                raise ValueError(f"the metadata names no good {name}")

    async def _key_set(self, client: AsyncOAuth2Client, *, is_missed: bool = False) -> KeySet:
        now = asyncio.get_running_loop().time()
        patience = UNKNOWN_KEY_COOLDOWN_SECONDS if is_missed else KEPT_SECONDS
        if self._keys is None or now - self._keys.at > patience:
            metadata = await self._metadata(client)
            published = await _published(client, metadata["jwks_uri"])
            if not isinstance(published.get("keys"), list):
                raise ValueError("a set of keys was expected")
            self._keys = Kept(KeySet.import_key_set({"keys": published["keys"]}), now)
        return self._keys.value

    @asynccontextmanager
    async def _asking(self, seconds: float) -> AsyncIterator[AsyncOAuth2Client]:
        """A client of the provider for `seconds`; what fails there becomes one of two refusals."""
        configured = self._configured
        try:
            async with (
                asyncio.timeout(seconds),
                AsyncOAuth2Client(
                    configured.client_id,
                    configured.client_secret.get_secret_value(),
                    scope=configured.scopes,
                    redirect_uri=self._callback_url,
                    code_challenge_method="S256",
                    leeway=0,
                    timeout=seconds,
                ) as client,
            ):
                yield client
        except (AuthlibBaseError, JoseError) as error:
            log.warning("oidc.refused", provider=self.name, error=type(error).__name__)
            raise ProviderRefused from None
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            log.warning("oidc.unavailable", provider=self.name, error=repr(error))
            raise DependencyUnavailable("The provider does not answer; try again.") from None


class Providers:
    """The configured providers by name."""

    def __init__(self, providers: Mapping[str, OidcProvider], public_base_url: str) -> None:
        self._root = f"{public_base_url.rstrip('/')}/api/v1/auth/oidc"
        self._providers = {
            name: Provider(name, configured, f"{self._root}/{name}/callback")
            for name, configured in providers.items()
        }

    @classmethod
    def of(cls, settings: IdentitySettings) -> "Providers":
        """The providers of a deployment."""
        return cls(settings.oidc_providers, settings.public_base_url)

    def named(self, name: str) -> Provider:
        """The provider; NotFound when none is configured by that name."""
        if name not in self._providers:
            raise NotFound("There is no such provider.")
        return self._providers[name]

    def start_url(self, name: str) -> str:
        """Where signing in with a provider begins."""
        return f"{self._root}/{name}/start"

    def listed(self) -> list[dict[str, str]]:
        """What a login page shows."""
        return [
            {"name": each.name, "label": each.label, "start_url": self.start_url(each.name)}
            for each in self._providers.values()
        ]


async def _published(client: AsyncOAuth2Client, url: str) -> Json:
    """The JSON object at an address that anybody may read."""
    return _object(await client.request("GET", url, withhold_token=True))


def _object(answer: httpx2.Response) -> Json:
    answer.raise_for_status()
    content = answer.json()
    if not isinstance(content, dict):
        raise ValueError("a JSON object was expected")  # noqa: TRY004 - it is the provider's value that is wrong
    return content


def _auth_method(metadata: Json) -> str:
    offered = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
