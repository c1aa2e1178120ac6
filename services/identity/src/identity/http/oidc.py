"""Doors for signing in with an OpenID provider, and for what links a person with one."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import AfterValidator, StringConstraints

from chassis.errors import AppError, Invalid
from chassis.guards import READING_KEY, SignedIn
from chassis.http import router
from chassis.routing import any_query, public
from chassis.runtime import runtime_of
from chassis.schema import Out, Text
from chassis.tx import Reading
from identity.domain.external_identities import Vouched
from identity.domain.oidc_states import MAX_RETURN_PATH, OidcState, is_local_path
from identity.http import cookies
from identity.http.guards import Desk, InSystemTx, Tenant
from identity.providers import Provider, ProviderRefused, Providers
from identity.reception import Reception
from identity.store import external_identities
from identity.usecases.oidc import admit_vouched, begin_sign_in, take_sign_in, unlink_identity

oidc = router("auth")


class ProviderOut(Out):
    """A provider to sign in with, and where that begins."""

    name: str
    label: str
    start_url: str


class ProvidersOut(Out):
    """Every configured provider."""

    items: list[ProviderOut]


class IdentityOut(Out):
    """A provider that signs the person in; `email` is their address when the two were linked."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    provider: str
    email: str
    last_used_at: datetime


class IdentitiesOut(Out):
    """Every identity of a person."""

    items: list[IdentityOut]


async def providers_of(request: Request) -> Providers:
    """The providers of this deployment."""
    return runtime_of(request.app).part(Providers)


AllProviders = Annotated[Providers, Depends(providers_of)]


async def provider_of(provider: Annotated[str, Path(max_length=32)], providers: AllProviders) -> Provider:
    """The provider that the path names; NotFound when there is none."""
    return providers.named(provider)


Named = Annotated[Provider, Depends(provider_of)]


def _local_path(text: str) -> str:
    if not is_local_path(text):
        raise ValueError("must be a path on this host, such as /deals")
    return text


ReturnPath = Annotated[Text, StringConstraints(max_length=MAX_RETURN_PATH), AfterValidator(_local_path)]
Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,63}$", to_lower=True)]


@oidc.get("/auth/oidc", name="oidc_providers", response_model=ProvidersOut, openapi_extra=public())
async def providers(providers: AllProviders, tenant: Tenant) -> dict[str, Any]:  # noqa: ARG001 - unknown hosts have none
    """What a login page can offer beside a password."""
    return {"items": providers.listed()}


@oidc.get(
    "/auth/oidc/{provider}/start",
    name="oidc_start",
    status_code=302,
    response_class=RedirectResponse,
    openapi_extra=public(),
    responses={302: {"description": "To the provider, or from an organisation's host to the neutral one."}},
)
async def start(
    request: Request,
    provider: Named,
    tenant: Tenant,
    desk: Desk,
    *,
    org_slug: Annotated[Slug | None, Query(alias="orgSlug")] = None,
    return_to: Annotated[ReturnPath, Query(alias="returnTo")] = "/",
    browser: cookies.BrowserCookie = None,
) -> Response:
    """Send the browser to the provider to sign in there."""
    wanted = _one_of(tenant, org_slug)
    if tenant and not _is_neutral(request, desk):
        return _onward(request, desk, wanted, return_to)
    begun = await begin_sign_in(desk, provider.name, wanted, return_to, browser)
    response = RedirectResponse(await provider.address(begun), 302)
    cookies.mark_browser(response, begun.browser)
    return response


@oidc.get(
    "/auth/oidc/{provider}/callback",
    name="oidc_callback",
    status_code=303,
    response_class=RedirectResponse,
    openapi_extra=public() | any_query(),
    responses={
        303: {"description": "To `returnTo` with the cookies of a login, or to `/login?error=<code>`."}
    },
)
async def callback(
    provider: Named,
    tenant: Tenant,  # noqa: ARG001 - an unknown host signs nobody in
    desk: Desk,
    *,
    code: Annotated[str | None, Query(max_length=4096)] = None,
    state: Annotated[str | None, Query(max_length=256)] = None,
    browser: cookies.BrowserCookie = None,
    device: cookies.DeviceCookie = None,
) -> Response:
    """Where the provider sends the browser back to."""
    try:
        begun = await take_sign_in(desk, provider.name, state, browser)
        opened = await admit_vouched(desk, begun, await _vouched(desk, provider, code, begun), device)
    except AppError as refused:
        return _home(desk, f"/login?{urlencode({'error': refused.reason})}")
    response = _home(desk, begun.return_to)
    cookies.give(response, desk, opened)
    return response


@oidc.get("/auth/identities", name="identities", response_model=IdentitiesOut)
async def identities(request: Request, actor: SignedIn, desk: Desk) -> dict[str, Any]:
    """The providers that sign the person in."""
    reading = request.scope[READING_KEY] = Reading(desk.source, actor)
    return {"items": await external_identities.list_own(reading, UUID(str(actor.id)))}


@oidc.delete("/auth/identities/{identity_id}", name="unlink_identity", status_code=204)
async def unlink(identity_id: UUID, actor: SignedIn, tx: InSystemTx) -> None:
    """Let a provider sign the person in no more."""
    await unlink_identity(tx, UUID(str(actor.id)), identity_id)


async def _vouched(desk: Reception, provider: Provider, code: str | None, begun: OidcState) -> Vouched:
    if not code:  # an `error` instead: the person has thought better of it, or the provider has
        raise ProviderRefused
    return await provider.vouch(code, begun, desk.source.clock())


def _one_of(tenant: frozenset[str], org_slug: str | None) -> str | None:
    """The organisation to sign in to; Invalid when host and parameter name two."""
    named = tenant | ({org_slug} if org_slug else set())
    if len(named) > 1:
        raise Invalid.field("orgSlug", "is not the organisation of this host")
    return next(iter(named), None)


def _is_neutral(request: Request, desk: Reception) -> bool:
    """Whether this is the host that providers send people back to: the cookies are set for it alone."""
    host = request.headers.get("host", "").lower().partition(":")[0]
    return host == urlsplit(desk.settings.public_base_url).hostname


def _onward(request: Request, desk: Reception, org_slug: str | None, return_to: str) -> Response:
    """The same door on the neutral host."""
    query = urlencode({"orgSlug": org_slug or "", "returnTo": return_to})
    return _home(desk, f"{request.scope['path']}?{query}", status=302)


def _home(desk: Reception, path: str, *, status: int = 303) -> RedirectResponse:
    return RedirectResponse(f"{desk.settings.public_base_url.rstrip('/')}{path}", status)
