"""Tags in SQL: the dictionary, and the rows that carry its words."""

import functools
import operator
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, and_, bindparam, func, select, text, union_all, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from chassis.tx import Tx
from sales.domain.companies import Company
from sales.domain.contacts import Contact
from sales.domain.deals import Deal
from sales.domain.leads import Lead
from sales.domain.tags import Tag
from sales.store.embedded import contains

TAG = Tag.__table__.c
CARRIERS: Sequence[type[Company | Contact | Lead | Deal]] = (Company, Contact, Lead, Deal)

_CARRIED = union_all(
    *(
        select(func.unnest(carrier.tags).label("name")).where(
            carrier.org_id == bindparam("org_id"), carrier.archived_at.is_(None)
        )
        for carrier in CARRIERS
    )
).subquery("carried")
_USED = (
    select(_CARRIED.c.name, func.count().label("usage_count"))  # house: allow tenant, each part names it
    .group_by(_CARRIED.c.name)
    .subquery("used")
)
_USAGE = func.coalesce(_USED.c.usage_count, 0)


def _carried_by(carrier: type[Company | Contact | Lead | Deal]) -> ColumnElement[int]:
    """How many live rows carry the one tag that is shown."""
    is_carried = and_(carrier.archived_at.is_(None), TAG.name == func.any(carrier.tags))
    return select(func.count()).where(carrier.org_id == bindparam("org_id"), is_carried).scalar_subquery()


def _shown(usage: ColumnElement[int]) -> Select[Any]:
    columns = (TAG.id, TAG.version, TAG.name, TAG.colour, usage.label("usage_count"), TAG.created_at)
    return select(*columns, TAG.updated_at).where(TAG.org_id == bindparam("org_id"))


BY_ID = Lookup(
    _shown(functools.reduce(operator.add, map(_carried_by, CARRIERS))).where(TAG.id == bindparam("tag_id")),
    row_type=Tag,
    key="tag_id",
)
LIST = ListQuery(
    _shown(_USAGE).select_from(Tag.__table__.outerjoin(_USED, _USED.c.name == TAG.name)),
    key=TAG.id,
    sorts={"name": func.lower(TAG.name), "createdAt": TAG.created_at, "usageCount": _USAGE},
    filters={"q": contains(TAG.name)},
)

_WANTED = (
    func.unnest(bindparam("names", type_=ARRAY(String)))
    .table_valued("name", with_ordinality="place", name="wanted")
    .render_derived()
)
_NAMED = Lookup(
    select(TAG.name, _WANTED.c.name.label("given"))
    .select_from(Tag.__table__.join(_WANTED, func.lower(TAG.name) == func.lower(_WANTED.c.name)))
    .where(TAG.org_id == bindparam("org_id"))
    .order_by(_WANTED.c.place)
    .with_for_update(read=True, of=Tag.__table__)
)
LEAD = Lead.__table__.c
_OF_LEAD = Lookup(
    select(TAG.id)
    .select_from(
        Tag.__table__.join(Lead.__table__, and_(LEAD.org_id == TAG.org_id, TAG.name == func.any(LEAD.tags)))
    )
    .where(TAG.org_id == bindparam("org_id"), LEAD.id == bindparam("lead_id"))
    .with_for_update(read=True, of=Tag.__table__)
)
# In one order, so that two that add the same words do not wait for each other.
_ADD = text("""
    INSERT INTO tag (org_id, id, version, name, created_at, updated_at)
    SELECT :org_id, id, 1, name, :now, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS varchar[])) AS given (id, name)
    ORDER BY lower(name)
    ON CONFLICT (org_id, lower(name)) DO NOTHING
    RETURNING id, name
""")


async def list_tags(
    reader: Reader, org_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page, each tag with the number of live rows that carry it."""
    return await LIST.page(reader, query, org_id=org_id, **filters)


async def show(reader: Reader, org_id: UUID, tag_id: UUID) -> Any:
    """One tag as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, tag_id=tag_id)
    if not rows:
        raise NotFound("There is no such tag.")
    return rows[0]


async def lock(session: AsyncSession, org_id: UUID, tag_id: UUID) -> Tag:
    """A tag to be changed; NotFound when it does not exist here."""
    tag = await session.scalar(select(Tag).where(Tag.org_id == org_id, Tag.id == tag_id).with_for_update())
    if tag is None:
        raise NotFound("There is no such tag.")
    return tag


async def add_missing(tx: Tx, org_id: UUID, names: Sequence[str]) -> Rows:
    """Put the names that the dictionary has not, ignoring case, into it; the new ones' `id` and `name`."""
    ids = [new_id() for _ in names]
    given = {"org_id": org_id, "now": tx.now, "ids": ids, "names": list(names)}
    return list((await tx.session.execute(_ADD, given)).all())


async def spelt(reader: Reader, org_id: UUID, names: Collection[str]) -> dict[str, str]:
    """How the dictionary writes those of the names that it has; until this transaction ends none is renamed."""
    rows = await reader.rows(_NAMED, org_id=org_id, names=list(names)) if names else ()
    return {row.given: row.name for row in rows}


async def hold_of_lead(reader: Reader, org_id: UUID, lead_id: UUID) -> None:
    """Until this transaction ends none of the tags that a lead carries is renamed."""
    await reader.rows(_OF_LEAD, org_id=org_id, lead_id=lead_id)


async def rename(session: AsyncSession, org_id: UUID, name: str, new_name: str) -> None:
    """Write the new name in every row that carries the tag, without a version of its own (decision 25)."""
    for carrier in CARRIERS:
        await session.execute(
            update(carrier)
            .where(carrier.org_id == org_id, carrier.tags.contains([name]))
            .values(tags=func.array_replace(carrier.tags, name, new_name))
            .execution_options(synchronize_session=False)
        )


async def take_off(session: AsyncSession, org_id: UUID, name: str) -> None:
    """Take the tag off every row that carries it."""
    for carrier in CARRIERS:
        await session.execute(
            update(carrier)
            .where(carrier.org_id == org_id, carrier.tags.contains([name]))
            .values(tags=func.array_remove(carrier.tags, name))
            .execution_options(synchronize_session=False)
        )
