"""Requests of people about themselves: signing in and up, passwords, addresses, sessions."""

from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

from services.identity.tests.place import PASSWORD
from tests.contract.calls import Call, Recipe, at, on
from tests.contract.factor_recipes import alone, without_factors
from tests.contract.organisations import API, Json, Organisation

from identity.domain.external_identities import ExternalIdentity, Vouched
from identity.domain.mail_links import LinkKind
from identity.domain.roles import Role


async def session(org: Organisation) -> Json:
    """Another sign-in of the owner."""
    await without_factors(org)
    again = replace(org.owner, browser=org.platform.place.browser())
    assert (await again.sign_in()).status_code == 200
    running: list[Json] = (await again.browser.get("/auth/sessions")).json()["items"]
    return next(each for each in running if each["current"])


async def _sign_up(org: Organisation) -> Call:
    person = {"name": org.name("Founder"), "email": f"{uuid4().hex}@{org.mark}.example"}
    return Call(
        "/auth/signup", person | {"password": PASSWORD, "organisation": {"name": f"Another {uuid4().hex}"}}
    )


async def _forget_password(org: Organisation) -> Call:
    return Call("/auth/forgot-password", {"email": org.owner.email})


async def _reset_password(org: Organisation) -> Call:
    """Of somebody else than the owner, whose sessions the other requests need."""
    person = await org.platform.place.join(Role.SALES, at=org.owner)
    token = await org.platform.place.link_token(person, LinkKind.PASSWORD_RESET)
    return Call("/auth/reset-password", {"token": token, "newPassword": "a new horse battery staple"})


async def _change_password(org: Organisation) -> Call:
    return Call("/auth/change-password", {"currentPassword": PASSWORD, "newPassword": PASSWORD})


async def _verify_email(org: Organisation) -> Call:
    return Call(
        "/auth/verify-email",
        {"token": await org.platform.place.link_token(org.owner, LinkKind.EMAIL_VERIFICATION)},
    )


async def _resend_verification(org: Organisation) -> Call:
    return Call("/auth/resend-verification", {"email": org.owner.email})


async def _change_email(org: Organisation) -> Call:
    await org.platform.place.forget_links(org.owner)
    body = {"newEmail": f"{uuid4().hex}@{org.mark}.example", "password": PASSWORD}
    return Call("/auth/change-email", body)


async def _rename_me(org: Organisation) -> Call:
    return Call("/auth/me", {"name": org.name("Owner"), "timeZone": "Europe/Berlin"})


async def _sign_in(org: Organisation) -> Call:
    await without_factors(org)
    return Call("/auth/login", {"email": org.owner.email, "password": PASSWORD})


async def _switch(org: Organisation) -> Call:
    return Call("/auth/switch-org", {"orgId": str(org.id)})


async def identity(org: Organisation) -> Json:
    """A provider that signs the owner in."""
    vouched = Vouched(f"p{uuid4().hex[:8]}", str(org.owner.id), org.owner.email, True, False)
    async with org.platform.place.reception.tx() as tx:
        row = ExternalIdentity.of(org.owner.id, org.owner.email, vouched, tx.now)
        tx.add(row)
    return {"id": str(row.id)}


async def _come_back(org: Organisation) -> Call:
    """From a provider, as somebody of the organisation; in the browser that began."""
    person = await org.platform.place.join(Role.SALES, at=org.owner)
    provider = org.platform.provider
    provider.subject, provider.claims = str(person.id), {"email": person.email, "email_verified": True}
    begun = await org.platform.client().get(f"{API}/auth/oidc/contract/start")
    callback = urlsplit(provider.sign_in(begun.headers["location"]))
    path = f"{callback.path.removeprefix(API)}?{callback.query}"
    return Call(path, headers={"cookie": begun.headers["set-cookie"].partition(";")[0]})


OWN_RECIPES: dict[str, Recipe] = {
    "auth.login": _sign_in,
    "auth.refresh": alone("/auth/refresh", {}),
    "auth.logout": alone("/auth/logout", {}),
    "auth.switchOrg": _switch,
    "auth.signUp": _sign_up,
    "auth.forgotPassword": _forget_password,
    "auth.resetPassword": _reset_password,
    "auth.changePassword": _change_password,
    "auth.verifyEmail": _verify_email,
    "auth.resendVerification": _resend_verification,
    "auth.changeEmail": _change_email,
    "auth.changeMe": _rename_me,
    "auth.oidcProviders": at("/auth/oidc"),
    "auth.oidcStart": at("/auth/oidc/contract/start?returnTo=/deals"),
    "auth.oidcCallback": _come_back,
    "auth.identities": at("/auth/identities"),
    "auth.unlinkIdentity": on(identity, "/auth/identities/{id}"),
    "sessions.list": at("/auth/sessions"),
    "sessions.end": on(session, "/auth/sessions/{id}"),
    "sessions.endOthers": on(session, "/auth/sessions"),
    "auth.me": at("/auth/me"),
}
