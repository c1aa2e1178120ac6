"""Doors for signing in and out."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Response
from pydantic import ConfigDict, Field, StringConstraints

from chassis.guards import Arriving
from chassis.http import router
from chassis.routing import public
from chassis.schema import In, Out, Verbatim
from identity.http import cookies
from identity.http.guards import Arrival, Desk, From, OwnOrigin, Tenant
from identity.http.passkey_schemas import UsedCredential
from identity.http.shapes import Email, NothingIn, Password, SuccessOut, TotpCode, Written
from identity.reception import Opened, Reception
from identity.usecases.credentials import Credentials
from identity.usecases.second_step import SecondStep
from identity.usecases.sessions import refresh, sign_out, switch_organisation
from identity.usecases.sign_in import sign_in

auth = router("auth")
REFUSED: dict[int | str, dict[str, Any]] = {
    403: {
        "description": "The organisation is closed, or the origin may not do this.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
}


class LoginIn(In):
    """Credentials; a password is taken as it is, edge spaces included. At most one second factor is looked at."""

    model_config = ConfigDict(str_strip_whitespace=False)

    email: Email
    password: Password
    org_slug: Annotated[Verbatim, StringConstraints(max_length=63), Written] | None = Field(
        None, description="Which organisation, for members of several."
    )

    totp: TotpCode | None = Field(None, description="The code that the authenticator app shows.")
    recovery_code: Annotated[Verbatim, StringConstraints(min_length=1, max_length=40), Written] | None = None
    passkey: UsedCredential | None = Field(
        None, description="An answer to POST /auth/passkeys/login/options."
    )

    def credentials(self, arrival: Arrival) -> Credentials:
        """What the reception looks at."""
        passkey = self.passkey.answer(arrival.origins) if self.passkey else None
        second = SecondStep(self.totp, self.recovery_code, passkey)
        wanted = arrival.wanted(self.org_slug)
        return Credentials(self.email, self.password, wanted, arrival.device_mark, second)


class SwitchIn(In):
    """Where to go on."""

    org_id: UUID


class TokenOut(Out):
    """An access token and its lifetime in seconds; the refresh token is in the cookie."""

    access_token: str
    expires_in: int


@auth.post("/auth/login", response_model=TokenOut, openapi_extra=public(), responses=REFUSED)
async def login(body: LoginIn, arrival: From, desk: Desk, response: Response) -> Opened:
    """Sign in with e-mail address and password, and the second factor where the person has one."""
    return _give(response, desk, await sign_in(desk, body.credentials(arrival)))


@auth.post(
    "/auth/refresh",
    name="refresh",
    response_model=TokenOut,
    openapi_extra=public(),
    responses=REFUSED,
    dependencies=[OwnOrigin],
)
async def renew(
    tenant: Tenant,
    desk: Desk,
    response: Response,
    body: NothingIn | None = None,  # noqa: ARG001 - declared, so that only JSON is taken
    token: cookies.RefreshCookie = None,
) -> Opened:
    """A new access token for the refresh cookie, which is replaced."""
    return _give(response, desk, await refresh(desk, token, tenant))


@auth.post(
    "/auth/logout",
    response_model=SuccessOut,
    openapi_extra=public(),
    responses=REFUSED,
    dependencies=[OwnOrigin],
)
async def logout(
    tenant: Tenant,  # noqa: ARG001 - an unknown host has no sessions
    desk: Desk,
    response: Response,
    body: NothingIn | None = None,  # noqa: ARG001 - declared, so that only JSON is taken
    token: cookies.RefreshCookie = None,
) -> SuccessOut:
    """End the session of the refresh cookie, if there is one."""
    spent = desk.seals.read_refresh_token(token) if token else None
    await sign_out(desk, spent.session_id if spent else None)
    cookies.take(response, desk)
    return SuccessOut()


@auth.post("/auth/switch-org", response_model=TokenOut)
async def switch_org(
    body: SwitchIn, actor: Arriving, tenant: Tenant, desk: Desk, response: Response
) -> Opened:
    """Go on in another organisation; the refresh cookie moves along."""
    return _give(response, desk, await switch_organisation(desk, actor, body.org_id, tenant))


def _give(response: Response, desk: Reception, opened: Opened) -> Opened:
    cookies.give(response, desk, opened)
    return opened
