"""Doors for setting a password. They ignore Idempotency-Key: no answer of theirs is kept."""

from pydantic import ConfigDict

from chassis.guards import SignedIn
from chassis.http import router
from chassis.routing import public
from chassis.schema import In
from identity.domain.mail_links import LinkKind
from identity.http import cookies
from identity.http.guards import Desk, Tenant
from identity.http.shapes import Email, LinkToken, Password, SuccessOut
from identity.usecases.mail_requests import ask_for_mail
from identity.usecases.passwords import change_password, reset_password

passwords = router("auth")


class PasswordChangeIn(In):
    """The present password and the one that replaces it."""

    model_config = ConfigDict(str_strip_whitespace=False)

    current_password: Password
    new_password: Password


class ForgottenIn(In):
    """Whose password is forgotten."""

    email: Email


class PasswordResetIn(In):
    """The last segment of the link in the mail, and the new password."""

    model_config = ConfigDict(str_strip_whitespace=False)

    token: LinkToken
    new_password: Password


@passwords.post("/auth/change-password", name="changePassword", response_model=SuccessOut)
async def change(
    body: PasswordChangeIn, actor: SignedIn, desk: Desk, device: cookies.DeviceCookie = None
) -> SuccessOut:
    """Set another password; all other sessions end."""
    await change_password(desk, actor, body.current_password, body.new_password, device)
    return SuccessOut()


@passwords.post(
    "/auth/forgot-password", name="forgotPassword", response_model=SuccessOut, openapi_extra=public()
)
async def forgot(
    body: ForgottenIn,
    desk: Desk,
    tenant: Tenant,  # noqa: ARG001 - an unknown host has no people
) -> SuccessOut:
    """Ask for a mail with a link to set a new password; the answer is the same for every address."""
    await ask_for_mail(desk, LinkKind.PASSWORD_RESET, body.email)
    return SuccessOut()


@passwords.post(
    "/auth/reset-password", name="resetPassword", response_model=SuccessOut, openapi_extra=public()
)
async def reset(
    body: PasswordResetIn,
    desk: Desk,
    tenant: Tenant,  # noqa: ARG001 - an unknown host has no people
    device: cookies.DeviceCookie = None,
) -> SuccessOut:
    """Set a new password by the link of a mail; all sessions end."""
    await reset_password(desk, body.token, body.new_password, device)
    return SuccessOut()
