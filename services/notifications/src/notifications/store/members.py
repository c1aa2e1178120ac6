"""Members: as candidates for a notification, and where to write to them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import String, Uuid, and_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from notifications.copies import KnownMember, KnownRole
from notifications.domain.catalogue import Kind
from notifications.domain.happenings import Candidate

MEMBER, ROLE = KnownMember.__table__.c, KnownRole.__table__.c
CANDIDATES = Lookup(
    select(MEMBER.id, MEMBER.role, MEMBER.status, ROLE.permissions)
    .outerjoin(KnownRole, and_(ROLE.org_id == MEMBER.org_id, ROLE.key == MEMBER.role))
    .where(
        MEMBER.org_id == bindparam("org_id"),
        (MEMBER.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
        | (MEMBER.role == func.any(bindparam("roles", type_=ARRAY(String))))
        | ROLE.permissions.has_any(bindparam("duties", type_=ARRAY(String))),
    )
)
CONTACT = Lookup(
    select(MEMBER.name, MEMBER.email).where(
        MEMBER.org_id == bindparam("org_id"), MEMBER.id == bindparam("user_id")
    )
)


async def list_candidates(reader: Reader, org_id: UUID, ids: Collection[UUID], kind: Kind) -> list[Candidate]:
    """These people, whatever their status, and everybody whose role the type may tell."""
    roles, duties = [str(role) for role in kind.roles], list(kind.duties)
    rows = await reader.rows(CANDIDATES, org_id=org_id, ids=list(ids), roles=roles, duties=duties)
    return [Candidate(*row) for row in rows]


async def get_contact(reader: Reader, org_id: UUID, user_id: UUID) -> Any:
    """Name and address of whoever is or was a member here; NotFound when nobody of that id was."""
    rows = await reader.rows(CONTACT, org_id=org_id, user_id=user_id)
    if not rows:
        raise NotFound("Nobody knows where to write to this person.")
    return rows[0]
