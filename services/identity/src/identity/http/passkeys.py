"""Doors for passkeys: register, name and take away one's own; sign in with one alone."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Response
from pydantic import Field, StringConstraints

from chassis.http import API, router
from chassis.routing import public, unkeyed
from chassis.schema import In, Instant, Out, Text
from identity.domain.passkeys import Passkey
from identity.http import cookies
from identity.http.auth import REFUSED, TokenOut
from identity.http.guards import Desk, From, InOwnTx, Origins, Tenant
from identity.http.passkey_schemas import NewCredential, OptionsOut, PasskeyName, UsedCredential
from identity.reception import Opened
from identity.usecases.passkeys import (
    register_passkey,
    registration_options,
    remove_passkey,
    rename_passkey,
    sign_in_with_passkey,
)

passkeys = router("passkeys")


class PasskeyIn(In):
    """A new passkey, and what to call it."""

    credential: NewCredential
    name: PasskeyName | None = None


class PasskeyPatch(In):
    """Another name."""

    name: PasskeyName


class PasskeyLoginIn(In):
    """A passkey's answer."""

    credential: UsedCredential
    org_slug: Annotated[Text, StringConstraints(max_length=63)] | None = Field(
        None, description="Which organisation, for members of several."
    )


class PasskeyOut(Out):
    """A passkey of one's own."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    name: str
    last_used_at: Instant | None


@passkeys.post(
    "/auth/passkeys/register/options",
    name="registerOptions",
    response_model=OptionsOut,
    openapi_extra=unkeyed(),
)
async def ask(tx: InOwnTx, desk: Desk) -> dict[str, Any]:
    """What to ask an authenticator for; answered within five minutes."""
    return {"public_key": await registration_options(tx, desk)}


@passkeys.post(
    "/auth/passkeys/register/verify",
    name="register",
    response_model=PasskeyOut,
    status_code=201,
    openapi_extra=unkeyed(),
)
async def register(
    body: PasskeyIn,
    tx: InOwnTx,
    desk: Desk,
    origins: Origins,
    response: Response,
) -> Passkey:
    """Register the authenticator that answered."""
    response.headers["location"] = f"{API}/auth/second-factors"  # where it is read
    return await register_passkey(tx, desk, body.credential.answer(origins), body.name)


@passkeys.patch("/auth/passkeys/{passkey_id}", response_model=PasskeyOut)
async def rename(
    passkey_id: UUID,
    body: PasskeyPatch,
    tx: InOwnTx,
) -> Passkey:
    """Call it something else."""
    return await rename_passkey(tx, passkey_id, body.name)


@passkeys.delete("/auth/passkeys/{passkey_id}", status_code=204)
async def remove(passkey_id: UUID, tx: InOwnTx) -> None:
    """Take it away; one's other sessions end."""
    await remove_passkey(tx, passkey_id)


@passkeys.post(
    "/auth/passkeys/login/options",
    name="loginOptions",
    response_model=OptionsOut,
    openapi_extra=public(),
    responses=REFUSED,
)
async def challenge(tenant: Tenant, desk: Desk) -> dict[str, Any]:  # noqa: ARG001 - an unknown host has no passkeys
    """What to ask an authenticator for, the same for everybody; answered within five minutes."""
    return {"public_key": desk.ceremonies.login_options(desk.source.clock())}


@passkeys.post(
    "/auth/passkeys/login/verify",
    name="login",
    response_model=TokenOut,
    openapi_extra=public(),
    responses=REFUSED,
)
async def login(
    body: PasskeyLoginIn,
    arrival: From,
    desk: Desk,
    response: Response,
) -> Opened:
    """Sign in with a passkey alone: the authenticator has verified its user, so it is both factors."""
    answer, wanted = body.credential.answer(arrival.origins), arrival.wanted(body.org_slug)
    opened = await sign_in_with_passkey(desk, answer, wanted, arrival.device_mark)
    cookies.give(response, desk, opened)
    return opened
