"""What people do with passkeys: register one, name it, take it away, sign in with it alone."""

from typing import Any
from uuid import UUID

from chassis.errors import BadRequest, Conflict, Unauthenticated
from chassis.ids import new_id
from chassis.tx import Tx
from identity.ceremonies import Answer, Challenge, Registered
from identity.domain.passkeys import FIRST_NAME, MAX_PASSKEYS, Passkey
from identity.domain.seats import Seat, choose
from identity.domain.sessions import Session
from identity.reception import Opened, Reception
from identity.store import accounts, passkeys
from identity.usecases.second_factors import check_strong, lock_self, note_enabled, remove_factor
from identity.usecases.second_step import use_passkey
from identity.usecases.sessions import lock_current
from identity.usecases.sign_in import enter

REFUSED = "The passkey was not accepted."


async def registration_options(tx: Tx, reception: Reception) -> dict[str, Any]:
    """What the browser asks the authenticator for; those that are registered already refuse."""
    session = await lock_current(tx, tx.actor)
    existing = await _check_room(tx, session)
    account = await accounts.find_by_id(tx.session, session.user_id)
    if account is None:
        raise Unauthenticated("Only a person has passkeys.")
    return reception.ceremonies.registration_options(account, existing, tx.now)


async def register_passkey(tx: Tx, reception: Reception, answer: Answer, name: str | None) -> Passkey:
    """A new passkey; this session has given it. PasskeyExists when somebody has it already."""
    session = await lock_self(tx)
    await _check_room(tx, session)
    registered = await _registered(tx, reception, session.user_id, answer)
    passkey = Passkey(
        id=new_id(),
        user_id=session.user_id,
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        name=name or FIRST_NAME,
        **registered._asdict(),
    )
    tx.add(passkey)
    tx.record(passkey, "CREATE")
    note_enabled(tx, session, "A passkey was added.")
    return passkey


async def rename_passkey(tx: Tx, passkey_id: UUID, name: str) -> Passkey:
    """Call one's passkey something else."""
    session = await lock_self(tx)
    passkey = await passkeys.get(tx.session, session.user_id, passkey_id)
    tx.expect(passkey)
    passkey.name = name
    tx.record(passkey, "UPDATE")
    return passkey


async def remove_passkey(tx: Tx, passkey_id: UUID) -> None:
    """Take one's passkey away; the other sessions end."""
    session = await lock_self(tx)
    passkey = await passkeys.get(tx.session, session.user_id, passkey_id)
    tx.expect(passkey)
    await check_strong(tx, session)
    tx.record(passkey, "DELETE")
    await tx.session.delete(passkey)
    await remove_factor(tx, session, "A passkey was taken away.")


async def sign_in_with_passkey(
    reception: Reception, answer: Answer, wanted: frozenset[str], device_mark: str | None
) -> Opened:
    """Tokens for whoever has the passkey; one and the same Unauthenticated for everything else.

    Raises OrganisationInactive, AddressNotAllowed and EmailNotVerified as signing in with a password does.
    """
    async with reception.tx() as tx:
        passkey = await use_passkey(tx, reception, answer)
        seat = await _seat_of(tx, passkey, wanted) if passkey else None
        if seat is None:
            raise Unauthenticated(REFUSED)
        seat.check_inside(tx.work.ip)
        device_id = reception.seals.read_device_mark(device_mark, seat.account.id) if device_mark else None
        session = enter(tx, seat, device_id, is_strong=True)
    mark = reception.seals.device_mark(seat.account.id, device_id)
    return await reception.admit(seat, session, tx.now, device_mark=mark)


async def _seat_of(tx: Tx, passkey: Passkey, wanted: frozenset[str]) -> Seat | None:
    account = await accounts.get(tx.session, passkey.user_id)
    org_id = choose(await accounts.list_candidates(tx, account.email), wanted, account.last_org_id)
    return await accounts.find_seat(tx, org_id, account.id) if org_id else None


async def _check_room(tx: Tx, session: Session) -> list[bytes]:
    """The names of the passkeys that are there; Conflict when there are too many for another one."""
    await check_strong(tx, session)
    existing = [each.credential_id for each in await passkeys.list_own(tx, session.user_id)]
    if len(existing) >= MAX_PASSKEYS:
        raise Conflict("You have as many passkeys as one can have.", limit=MAX_PASSKEYS)
    return existing


async def _registered(tx: Tx, reception: Reception, user_id: UUID, answer: Answer) -> Registered:
    ceremonies = reception.ceremonies
    challenge: Challenge | None = ceremonies.challenge(answer, user_id, tx.now)
    registered = ceremonies.registered(answer, challenge) if challenge else None
    if challenge is None or registered is None:
        raise BadRequest(REFUSED)
    if not await passkeys.spend_challenge(tx.session, challenge.digest, challenge.expires_at):
        raise BadRequest(REFUSED)
    return registered
