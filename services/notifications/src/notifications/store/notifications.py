"""SQL of notifications: a person's own rows, nobody else's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, and_, bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from notifications.copies import KnownMember
from notifications.domain.access import readable
from notifications.domain.notifications import Notification

FEED_LENGTH = 30

NOTICE = Notification.__table__.c
MEMBER = KnownMember.__table__.c
ACTOR = case(
    (
        NOTICE.actor_kind == "user",
        func.json_build_object(
            "id",
            NOTICE.actor_id,
            "name",
            func.coalesce(MEMBER.name, ""),
            "email",
            MEMBER.email,
            "kind",
            "user",
        ),
    ),
    (
        NOTICE.actor_kind == "key",
        func.json_build_object("id", NOTICE.actor_id, "name", "API key", "email", None, "kind", "key"),
    ),
    else_=func.json_build_object("id", None, "name", "Execos", "email", None, "kind", "system"),
)
# A role may have been lost since: what its holder may no longer read is not shown, whenever it was told.
OWN = and_(
    NOTICE.recipient_id == bindparam("recipient_id"),
    NOTICE.about_type == func.any(bindparam("readable", type_=ARRAY(String))),
    NOTICE.archived_at.is_(None),
)
SHOWN = (
    select(
        NOTICE.id,
        NOTICE.type,
        NOTICE.title,
        NOTICE.body,
        NOTICE.link,
        NOTICE.about_type.label("entity_type"),
        NOTICE.about_id.label("entity_id"),
        ACTOR.label("actor"),
        NOTICE.read_at,
        NOTICE.version,
        NOTICE.created_at,
        NOTICE.updated_at,
    )
    .select_from(
        Notification.__table__.outerjoin(
            KnownMember.__table__, and_(MEMBER.org_id == NOTICE.org_id, MEMBER.id == NOTICE.actor_id)
        )
    )
    .where(NOTICE.org_id == bindparam("org_id"), OWN)
)
ONE = Lookup(SHOWN.where(NOTICE.id == bindparam("notification_id")))
LIST = ListQuery(
    SHOWN,
    key=NOTICE.id,
    sorts={"createdAt": NOTICE.created_at},
    filters={
        "unread": NOTICE.read_at.is_(None) == bindparam("unread"),
        "type": NOTICE.type == bindparam("type"),
    },
)
FEED = Lookup(
    SHOWN.where(NOTICE.read_at.is_(None)).order_by(NOTICE.created_at.desc(), NOTICE.id).limit(FEED_LENGTH)
)
UNREAD = Lookup(
    select(func.count().label("count")).where(
        NOTICE.org_id == bindparam("org_id"), OWN, NOTICE.read_at.is_(None)
    )
)


async def list_own(
    reader: Reader, actor: Actor, query: PageQuery, *, unread: bool | None, type_key: str | None
) -> PageRows | CursorRows:
    """A page of the reader's notifications."""
    return await LIST.page(reader, query, **_own(actor), unread=unread, type=type_key)


async def list_newest_unread(reader: Reader, actor: Actor) -> Rows:
    """The newest unread notifications of the reader, at most 30."""
    return await reader.rows(FEED, **_own(actor))


async def count_unread(reader: Reader, actor: Actor) -> Any:
    """How many the reader has not read, as `count`."""
    return (await reader.rows(UNREAD, **_own(actor)))[0]


async def show(reader: Reader, actor: Actor, notification_id: UUID) -> Any:
    """One of the reader's own notifications; NotFound for anybody else's."""
    rows = await reader.rows(ONE, **_own(actor), notification_id=notification_id)
    if not rows:
        raise NotFound("There is no such notification.")
    return rows[0]


async def get(
    session: AsyncSession, actor: Actor, notification_id: UUID, *, lock: bool = False
) -> Notification:
    """One of the actor's own; NotFound for anybody else's."""
    wanted = select(Notification).where(
        Notification.org_id == actor.org_id,
        Notification.id == notification_id,
        Notification.recipient_id == actor.id,
        Notification.about_type.in_(readable(actor.may)),
    )
    found = await session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotFound("There is no such notification.")
    return found


async def mark_all_read(session: AsyncSession, actor: Actor, now: datetime) -> int:
    """Mark everything that the actor can see as read; how many were not."""
    marked = await session.execute(
        update(Notification)
        .where(
            Notification.org_id == actor.org_id,
            Notification.recipient_id == actor.id,
            Notification.about_type.in_(readable(actor.may)),
            Notification.read_at.is_(None),
            Notification.archived_at.is_(None),
        )
        .values(read_at=now, updated_at=now, version=Notification.version + 1)
        .execution_options(synchronize_session=False)
    )
    return int(marked.rowcount)  # type: ignore[attr-defined] # an UPDATE has a cursor result


async def add(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Insert what was not told before; the ids of those."""
    if not rows:
        return set()
    statement = insert(Notification).values(list(rows))
    told = await session.scalars(
        statement.on_conflict_do_nothing(constraint="uq_notification_once").returning(Notification.id)
    )
    return set(told)


def _own(actor: Actor) -> dict[str, Any]:
    return {"org_id": actor.org_id, "recipient_id": actor.id, "readable": readable(actor.may)}
