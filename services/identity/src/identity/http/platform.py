"""Doors of the platform itself: signing in to it, what there is to switch on, what should not have happened."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Depends
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from chassis.http import router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.routing import public
from chassis.schema import In, Instant, Moment, Out, Text, Verbatim
from identity.domain.modules import MODULES, TEMPLATES
from identity.http.guards import Desk
from identity.http.passwords import PasswordChangeIn
from identity.http.platform_guards import (
    InPlatformReading,
    OnPlatformHost,
    PlatformOwner,
    platform_router,
)
from identity.http.shapes import Email, Password, TotpCode, Written
from identity.platform_tokens import PlatformToken
from identity.store import security_events
from identity.usecases.passwords import change_owner_password
from identity.usecases.platform_owners import Given, sign_in_with_bootstrap_token, sign_in_with_password

entrance = router("platform")
platform = platform_router("platform")


class PlatformLoginIn(In):
    """Credentials of a platform owner, or the bootstrap token; a password is taken as it is."""

    model_config = ConfigDict(str_strip_whitespace=False)

    email: Email | None = None
    password: Password | None = None
    totp: TotpCode | None = Field(None, description="The code that the authenticator app shows.")
    bootstrap_token: Annotated[Verbatim, StringConstraints(min_length=1, max_length=256), Written] | None = (
        None
    )

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        has_password = self.email is not None and self.password is not None
        has_any = any(each is not None for each in (self.email, self.password, self.totp))
        if has_any == (self.bootstrap_token is not None) or has_any != has_password:
            raise ValueError("must hold either email and password, or the bootstrapToken")
        return self


class PlatformTokenOut(Out):
    """A platform token and its lifetime in seconds."""

    access_token: str
    expires_in: int


class KnownModuleOut(Out):
    """A part of the product that can be switched on."""

    code: str
    name: str
    description: str


class KnownModulesOut(Out):
    """Every module there is."""

    items: list[KnownModuleOut]


class TemplateOut(Out):
    """What organisations of one kind start with."""

    code: str
    name: str
    modules: list[str]


class TemplatesOut(Out):
    """Every template there is."""

    items: list[TemplateOut]


class SecurityEventQuery(PageQuery):
    """Query parameters of the list of security events."""

    sort_by: Literal["at", "severity", "type"] = "at"
    severity: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] | None = None
    type: Annotated[Text, StringConstraints(max_length=64)] | None = None
    org: UUID | None = Field(None, description="The tenant.")
    first: Moment | None = Field(None, alias="from", description="Not before; a date is one in UTC.")
    last: Moment | None = Field(
        None, alias="to", description="Before an instant, or until the end of a date."
    )


class SecurityEventOut(Out):
    """Something that should not have happened."""

    id: UUID
    org_id: UUID
    org_slug: str
    type: str
    severity: str
    description: str
    user_id: UUID | None
    ip: str | None
    at: Instant


@entrance.post(
    "/platform/auth/login",
    name="login",
    response_model=PlatformTokenOut,
    openapi_extra=public(),
    dependencies=[OnPlatformHost],
)
async def sign_in(body: PlatformLoginIn, desk: Desk) -> PlatformToken:
    """A platform token for an hour; there is no cookie."""
    if body.bootstrap_token is not None:
        return await sign_in_with_bootstrap_token(desk, body.bootstrap_token)
    return await sign_in_with_password(desk, Given(body.email or "", body.password or "", body.totp))


@platform.post("/platform/auth/change-password", name="changePassword", response_model=PlatformTokenOut)
async def change_password(body: PasswordChangeIn, actor: PlatformOwner, desk: Desk) -> PlatformToken:
    """Set another password; every token and session that was made with the old one ends, and this is a new token."""
    return await change_owner_password(desk, actor, body.current_password, body.new_password)


@platform.get("/platform/modules", response_model=KnownModulesOut)
async def list_modules() -> dict[str, Any]:
    """What can be switched on."""
    return {"items": MODULES.values()}


@platform.get("/platform/templates", response_model=TemplatesOut)
async def list_templates() -> dict[str, Any]:
    """What organisations can start with."""
    templates = TEMPLATES.values()
    return {"items": [each._asdict() | {"modules": sorted(each.modules)} for each in templates]}


@platform.get("/platform/security-events", response_model=listing(SecurityEventOut))
async def list_security_events(
    query: Annotated[SecurityEventQuery, Depends(SecurityEventQuery.of)],
    tx: InPlatformReading,
) -> PageRows | CursorRows:
    """What should not have happened, newest first."""
    filters = {"severity": query.severity, "type": query.type, "organisation": query.org}
    end = _instant(query.last, days=1)
    return await security_events.list_page(tx, query, **filters, begin=_instant(query.first), end=end)


def _instant(moment: date | None, *, days: int = 0) -> datetime | None:
    """An instant as it is; of a date its beginning, or that of a later one."""
    if moment is None or isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time.min, UTC) + timedelta(days=days)
