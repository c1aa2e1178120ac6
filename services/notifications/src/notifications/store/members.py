"""Members as candidates for a notification."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import String, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.queries import Lookup, Reader
from notifications.copies import KnownMember
from notifications.domain.happenings import Candidate

MEMBER = KnownMember.__table__.c
CANDIDATES = Lookup(
    select(MEMBER.id, MEMBER.role, MEMBER.status).where(
        MEMBER.org_id == bindparam("org_id"),
        (MEMBER.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
        | (MEMBER.role == func.any(bindparam("roles", type_=ARRAY(String)))),
    )
)


async def list_candidates(
    reader: Reader, org_id: UUID, ids: Collection[UUID], roles: Collection[str]
) -> list[Candidate]:
    """These people, whatever their status, and everybody with one of the roles."""
    rows = await reader.rows(CANDIDATES, org_id=org_id, ids=list(ids), roles=[str(role) for role in roles])
    return [Candidate(row.id, row.role, row.status) for row in rows]
