"""Owners of deals and leads, kept by version."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.queries import Lookup, Reader
from notifications.domain.access import Entity
from notifications.domain.ownership import KnownOwner, Ownership

OWNER = KnownOwner.__table__.c
OWNED = Lookup(
    select(OWNER.version, OWNER.owner_id).where(
        OWNER.org_id == bindparam("org_id"),
        OWNER.entity_type == bindparam("entity_type"),
        OWNER.id == bindparam("entity_id"),
    )
)


async def find(reader: Reader, org_id: UUID, entity: Entity, entity_id: UUID) -> Ownership | None:
    """Who owns an entity as far as it is known here."""
    rows = await reader.rows(OWNED, org_id=org_id, entity_type=entity.value, entity_id=entity_id)
    return Ownership(rows[0].version, rows[0].owner_id) if rows else None


async def keep(
    session: AsyncSession, org_id: UUID, entity: tuple[Entity, UUID], owner: Ownership, *, now: datetime
) -> None:
    """Insert or replace; an older version than the stored one changes nothing."""
    row = {
        "org_id": org_id,
        "entity_type": entity[0].value,
        "id": entity[1],
        "version": owner.version,
        "owner_id": owner.owner_id,
        "copied_at": now,
    }
    statement = insert(KnownOwner).values(row)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["org_id", "entity_type", "id"],
            set_={name: statement.excluded[name] for name in ("version", "owner_id", "copied_at")},
            where=KnownOwner.version < statement.excluded.version,
        )
    )
