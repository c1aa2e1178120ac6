"""Doors about the e-mail address one signs in with."""

from pydantic import ConfigDict

from chassis.errors import Unauthenticated
from chassis.guards import SignedIn
from chassis.http import router
from chassis.routing import public
from chassis.schema import In
from identity.domain.mail_links import LinkKind
from identity.http import cookies
from identity.http.auth import REFUSED
from identity.http.guards import Desk, Sender, Tenant
from identity.http.shapes import Email, LinkToken, Password, SuccessOut
from identity.usecases.addresses import change_email, resend_verification, verify_email
from identity.usecases.mail_requests import ask_for_mail

addresses = router("auth")


class VerificationIn(In):
    """The last segment of the link in the mail."""

    token: LinkToken


class ResendIn(In):
    """Which address; whoever is signed in need not name theirs."""

    email: Email | None = None


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


@addresses.post(
    "/auth/resend-verification",
    name="resendVerification",
    response_model=SuccessOut,
    openapi_extra=public(),
    responses=REFUSED,
)
async def resend(
    desk: Desk,
    tenant: Tenant,  # noqa: ARG001 - an unknown host has no people
    sender: Sender,
    body: ResendIn | None = None,
) -> SuccessOut:
    """Ask for another mail that confirms an address: one that is named, answered alike for all, or one's own."""
    if body is not None and body.email is not None:
        await ask_for_mail(desk, LinkKind.EMAIL_VERIFICATION, body.email)
    elif sender is not None:
        await resend_verification(desk, sender)
    else:
        raise Unauthenticated("Sign in, or name the address.")
    return SuccessOut()


@addresses.post("/auth/change-email", name="changeEmail", response_model=SuccessOut)
async def change(
    body: EmailChangeIn, actor: SignedIn, desk: Desk, device: cookies.DeviceCookie = None
) -> SuccessOut:
    """Ask the present mailbox, if it was ever confirmed, and the wanted one to agree to another address."""
    await change_email(desk, actor, body.new_email, body.password, device)
    return SuccessOut()
