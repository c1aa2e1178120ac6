"""Requests of people about their second factors; each begins with an owner who has none."""

from services.identity.tests.authenticator import App, Authenticator
from services.identity.tests.place import PASSWORD
from sqlalchemy import delete
from tests.contract.calls import Call, Recipe, at, on
from tests.contract.organisations import Json, Organisation

from identity.domain.passkeys import Passkey
from identity.domain.second_factors import RecoveryCode, SecondFactor


async def without_factors(org: Organisation) -> None:
    """Let the owner be somebody whose password is enough."""
    async with org.platform.place.reception.tx() as tx:
        for kind in (SecondFactor, RecoveryCode, Passkey):
            await tx.session.execute(delete(kind).where(kind.user_id == org.owner.id))


def alone(path: str, body: Json | None = None) -> Recipe:
    """A request of an owner who has no second factor."""

    async def call(org: Organisation) -> Call:
        await without_factors(org)
        return Call(path, body)

    return call


async def _enrolled(org: Organisation) -> App:
    """An app of the owner's that waits for its first code."""
    await without_factors(org)
    return App(org.platform.place, (await org.post("/auth/totp/enroll"))["secret"])


async def _confirm(org: Organisation) -> Call:
    return Call("/auth/totp/confirm", {"code": (await _enrolled(org)).code()})


async def _disable(org: Organisation) -> Call:
    confirm = await _confirm(org)
    await org.post(confirm.path, confirm.body)
    return Call("/auth/totp/disable", {"password": PASSWORD})


def _authenticator() -> Authenticator:
    return Authenticator(origin="https://execos.test", rp_id="execos.test")


async def _new_passkey(org: Organisation, authenticator: Authenticator | None = None) -> Call:
    await without_factors(org)
    options = (await org.post("/auth/passkeys/register/options"))["publicKey"]
    credential = (authenticator or _authenticator()).create(options)
    return Call("/auth/passkeys/register/verify", {"credential": credential, "name": org.name("Key")})


async def passkey(org: Organisation) -> Json:
    """The owner's only passkey."""
    call = await _new_passkey(org)
    made: Json = await org.post(call.path, call.body)
    return made


async def _renew_codes(org: Organisation) -> Call:
    await passkey(org)
    return Call("/auth/recovery-codes")


async def _passkey_login(org: Organisation) -> Call:
    authenticator = _authenticator()
    call = await _new_passkey(org, authenticator)
    await org.post(call.path, call.body)
    options = (await org.post("/auth/passkeys/login/options"))["publicKey"]
    return Call("/auth/passkeys/login/verify", {"credential": authenticator.get(options)})


FACTOR_RECIPES: dict[str, Recipe] = {
    "secondFactors.read": at("/auth/second-factors"),
    "secondFactors.enrollTotp": alone("/auth/totp/enroll"),
    "secondFactors.confirmTotp": _confirm,
    "secondFactors.disableTotp": _disable,
    "secondFactors.renewCodes": _renew_codes,
    "passkeys.registerOptions": alone("/auth/passkeys/register/options"),
    "passkeys.register": _new_passkey,
    "passkeys.rename": on(passkey, "/auth/passkeys/{id}", {"name": "Desk"}),
    "passkeys.remove": on(passkey, "/auth/passkeys/{id}"),
    "passkeys.loginOptions": at("/auth/passkeys/login/options"),
    "passkeys.login": _passkey_login,
}
