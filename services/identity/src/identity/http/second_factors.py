"""Doors for one's second factors: the authenticator app, the recovery codes, and what there is."""

from typing import Any, Self
from uuid import UUID

from fastapi import Request
from pydantic import ConfigDict, model_validator

from chassis.guards import READING_KEY, Arriving
from chassis.http import router
from chassis.routing import unkeyed
from chassis.schema import In, Instant, Out
from chassis.tx import Reading
from identity.http import cookies
from identity.http.guards import Desk, InOwnTx
from identity.http.passkeys import PasskeyOut
from identity.http.shapes import Password, SuccessOut, TotpCode
from identity.store import passkeys, second_factors
from identity.usecases.second_factors import (
    Enrolment,
    Proof,
    confirm_totp,
    disable_totp,
    enroll_totp,
    renew_codes,
)

factors = router("secondFactors")


class EnrolmentOut(Out):
    """A seed for an authenticator app; it is shown now and never again."""

    secret: str
    uri: str
    qr_svg: str


class CodeIn(In):
    """A code of the app."""

    code: TotpCode


class ProofIn(In):
    """The password, or a code of the app."""

    model_config = ConfigDict(str_strip_whitespace=False)

    password: Password | None = None
    code: TotpCode | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.password is None) == (self.code is None):
            raise ValueError("either password or code must be given")
        return self


class CodesOut(Out):
    """Recovery codes, each good for one sign-in; they are shown now and never again."""

    recovery_codes: list[str]


class FactorsOut(Out):
    """What there is of second factors."""

    totp_enabled_at: Instant | None
    passkeys: list[PasskeyOut]
    recovery_codes_left: int


@factors.get("/auth/second-factors", name="read", response_model=FactorsOut)
async def read(request: Request, actor: Arriving, desk: Desk) -> dict[str, Any]:
    """One's own second factors."""
    reading = request.scope[READING_KEY] = Reading(desk.source, actor)
    user_id = UUID(str(actor.id))
    shown = await second_factors.show(reading, user_id)
    return {
        "totp_enabled_at": shown.totp_at,
        "passkeys": await passkeys.list_own(reading, user_id),
        "recovery_codes_left": shown.recovery_codes,
    }


@factors.post("/auth/totp/enroll", name="enrollTotp", response_model=EnrolmentOut, openapi_extra=unkeyed())
async def enroll(tx: InOwnTx, desk: Desk) -> Enrolment:
    """A seed for an authenticator app; it counts once a code of it was given."""
    return await enroll_totp(tx, desk)


@factors.post("/auth/totp/confirm", name="confirmTotp", response_model=CodesOut, openapi_extra=unkeyed())
async def confirm(
    body: CodeIn,
    tx: InOwnTx,
    desk: Desk,
) -> dict[str, Any]:
    """Show that the app works; from now on signing in needs it. Refresh to get a token that says so."""
    return {"recovery_codes": await confirm_totp(tx, desk, body.code)}


@factors.post("/auth/totp/disable", name="disableTotp", response_model=SuccessOut, openapi_extra=unkeyed())
async def disable(
    body: ProofIn,
    tx: InOwnTx,
    desk: Desk,
    device: cookies.DeviceCookie = None,
) -> SuccessOut:
    """Take the app away; one's other sessions end."""
    await disable_totp(tx, desk, Proof(body.password, body.code, device))
    return SuccessOut()


@factors.post("/auth/recovery-codes", name="renewCodes", response_model=CodesOut, openapi_extra=unkeyed())
async def renew(tx: InOwnTx) -> dict[str, Any]:
    """Ten new recovery codes; the older ones are void."""
    return {"recovery_codes": await renew_codes(tx)}
