"""Doors about the e-mail address one signs in with."""

from pydantic import ConfigDict

from chassis.guards import SignedIn
from chassis.http import router
from chassis.routing import public
from chassis.schema import In
from identity.http import cookies
from identity.http.guards import Desk, Tenant
from identity.http.shapes import Email, LinkToken, NothingIn, Password, SuccessOut
from identity.usecases.addresses import change_email, resend_verification, verify_email

addresses = router("auth")


class VerificationIn(In):
    """The last segment of the link in the mail."""

    token: LinkToken


class EmailChangeIn(In):
    """The address to sign in with from now on."""

    model_config = ConfigDict(str_strip_whitespace=False)

    new_email: Email
    password: Password


@addresses.post("/auth/verify-email", name="verifyEmail", response_model=SuccessOut, openapi_extra=public())
async def verify(
    body: VerificationIn,
    desk: Desk,
    tenant: Tenant,  # noqa: ARG001 - an unknown host has no people
) -> SuccessOut:
    """Confirm an address, or the change to another one, by the link of a mail."""
    await verify_email(desk, body.token)
    return SuccessOut()


@addresses.post("/auth/resend-verification", name="resendVerification", response_model=SuccessOut)
async def resend(
    actor: SignedIn,
    desk: Desk,
    body: NothingIn | None = None,  # noqa: ARG001 - declared, so that only JSON is taken
) -> SuccessOut:
    """Ask for another mail that confirms one's address."""
    await resend_verification(desk, actor)
    return SuccessOut()


@addresses.post("/auth/change-email", name="changeEmail", response_model=SuccessOut)
async def change(
    body: EmailChangeIn, actor: SignedIn, desk: Desk, device: cookies.DeviceCookie = None
) -> SuccessOut:
    """Ask the present mailbox, if it was ever confirmed, and the wanted one to agree to another address."""
    await change_email(desk, actor, body.new_email, body.password, device)
    return SuccessOut()
