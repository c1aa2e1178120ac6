"""People, from the copy of identity's members."""

from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select

from chassis.errors import BadRequest
from chassis.queries import Lookup, Reader
from sales.store.embedded import MEMBER

ACTIVE = "active"

_STATUS = Lookup(
    select(MEMBER.status).where(MEMBER.org_id == bindparam("org_id"), MEMBER.id == bindparam("user_id"))
)
_ACTIVE = Lookup(
    select(MEMBER.id).where(
        MEMBER.org_id == bindparam("org_id"),
        MEMBER.id == func.any(bindparam("user_ids")),
        MEMBER.status == literal_column(f"'{ACTIVE}'"),
    )
)


async def require_active(reader: Reader, org_id: UUID, user_id: UUID | None) -> None:
    """BadRequest unless it is nobody or an active member of the organisation."""
    if user_id is None:
        return
    rows = await reader.rows(_STATUS, org_id=org_id, user_id=user_id)
    if not rows or rows[0].status != ACTIVE:
        raise BadRequest("The owner is no active member of this organisation.", field="ownerUserId")


async def active_of(reader: Reader, org_id: UUID, user_ids: list[UUID]) -> list[UUID]:
    """Those of these people who are active members, in their order."""
    if not user_ids:
        return []
    active = {row.id for row in await reader.rows(_ACTIVE, org_id=org_id, user_ids=user_ids)}
    return [user_id for user_id in user_ids if user_id in active]


async def first_active(reader: Reader, org_id: UUID, user_ids: list[UUID]) -> UUID | None:
    """The first of these people who is an active member."""
    return next(iter(await active_of(reader, org_id, user_ids)), None)
