"""Work items: the row to change, and the shape to show with its people, company and deal."""

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Uuid,
    bindparam,
    case,
    false,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from work.copies import KnownCompany, KnownDeal, KnownMember, KnownOrganisation
from work.domain.due import business_day_of, is_due_in_week, is_due_on, is_overdue
from work.domain.items import Kind, Status, WorkItem

ITEM = WorkItem.__table__.c
MEMBER, ORGANISATION = KnownMember.__table__.c, KnownOrganisation.__table__.c
COMPANY, DEAL = KnownCompany.__table__.c, KnownDeal.__table__.c
ORG_ID = bindparam("org_id", type_=Uuid())
NOW = bindparam("now", type_=DateTime(timezone=True))
# UTC until the organisation's copy has arrived: a list must not fail for that.
TODAY = func.coalesce(
    select(business_day_of(NOW, ORGANISATION.time_zone))
    .where(ORGANISATION.org_id == ORG_ID, ORGANISATION.id == ORG_ID)
    .scalar_subquery(),
    business_day_of(NOW, literal_column("'UTC'")),
)


def _beside(copy: Any, key: Any, *conditions: Any, **shown: Any) -> Any:
    """An object out of a copy. Not a join: so PostgreSQL looks it up only for the rows of the page."""
    names: list[ColumnElement[str]] = [literal_column(f"'{name}'") for name in shown]
    shape = func.jsonb_build_object(*chain.from_iterable(zip(names, shown.values(), strict=True)))
    return select(shape).where(copy.org_id == ORG_ID, copy.id == key, *conditions).scalar_subquery()


def _person(key: Any) -> Any:
    person: ColumnElement[str] = literal_column("'user'")
    return _beside(MEMBER, key, id=MEMBER.id, name=MEMBER.name, email=MEMBER.email, kind=person)


EMBEDDED = {
    "assigned_to_user": _person(ITEM.assigned_to_user_id),
    "created_by_user": func.coalesce(_person(ITEM.created_by_user_id), ITEM.created_by),
    # A won deal may arrive before its company does; it brings the company's name along.
    "company": func.coalesce(
        _beside(COMPANY, ITEM.company_id, id=COMPANY.id, name=COMPANY.name),
        _beside(
            DEAL,
            ITEM.deal_id,
            DEAL.company_id == ITEM.company_id,
            id=DEAL.company_id,
            name=DEAL.company_name,
        ),
    ),
    "deal": _beside(DEAL, ITEM.deal_id, id=DEAL.id, title=DEAL.title, stage=DEAL.stage),
}
SHOWN = select(
    *(column for column in ITEM if column.name not in {"org_id", "created_by"}),
    func.coalesce(is_overdue(TODAY), false()).label("is_overdue"),
    *(shown.label(name) for name, shown in EMBEDDED.items()),
).where(ITEM.org_id == ORG_ID)
EACH = Lookup(SHOWN.where(ITEM.id == func.any(bindparam("item_ids", type_=ARRAY(Uuid)))))
ONE = Lookup(SHOWN.where(ITEM.id == bindparam("item_id")), row_type=WorkItem, key="item_id")
LIST = ListQuery(
    SHOWN,
    key=ITEM.id,
    sorts={
        "createdAt": ITEM.created_at,
        "dueDate": ITEM.due_date,
        # In the order of the states, not of the alphabet.
        "status": case({status.value: place for place, status in enumerate(Status)}, value=ITEM.status),
        "priority": ITEM.priority,
        "title": func.lower(ITEM.title),
    },
    filters={
        "status": ITEM.status == bindparam("status"),
        "assignee": ITEM.assigned_to_user_id == bindparam("assignee"),
        "is_unassigned": ITEM.assigned_to_user_id.is_(None),
        "due_overdue": is_overdue(TODAY),
        "due_today": is_due_on(TODAY),
        "due_week": is_due_in_week(TODAY),
        "deal_id": ITEM.deal_id == bindparam("deal_id"),
        "company_id": ITEM.company_id == bindparam("company_id"),
        "like": or_(ITEM.title.ilike(bindparam("like")), ITEM.description.ilike(bindparam("like"))),
        "is_live": ITEM.archived_at.is_(None),
    },
)


async def get(session: AsyncSession, org_id: UUID, item_id: UUID) -> WorkItem:
    """The item, locked to be changed; NotFound when this organisation has none of that id."""
    wanted = select(WorkItem).where(WorkItem.org_id == org_id, WorkItem.id == item_id)
    item = await session.scalar(wanted.with_for_update())
    if item is None:
        raise NotFound("There is no such work item.")
    return item


async def find_delivery(session: AsyncSession, org_id: UUID, deal_id: UUID) -> WorkItem | None:
    """The item that delivers a deal, locked; None when there is none."""
    wanted = select(WorkItem).where(
        WorkItem.org_id == org_id, WorkItem.deal_id == deal_id, WorkItem.kind == Kind.DELIVERY
    )
    found: WorkItem | None = await session.scalar(wanted.with_for_update())
    return found


async def show(reader: Reader, org_id: UUID, item_id: UUID, now: datetime) -> Any:
    """The item as it is shown, in one statement; NotFound when this organisation has none of that id."""
    rows = await reader.rows(ONE, org_id=org_id, item_id=item_id, now=now)
    if not rows:
        raise NotFound("There is no such work item.")
    return rows[0]


async def show_each(reader: Reader, org_id: UUID, item_ids: list[UUID], now: datetime) -> Rows:
    """Items by id as they are shown, in one statement; unknown ids are left out."""
    return await reader.rows(EACH, org_id=org_id, item_ids=item_ids, now=now)


async def list_items(
    reader: Reader, org_id: UUID, query: PageQuery, filters: Mapping[str, Any], now: datetime
) -> PageRows | CursorRows:
    """A page of items, in one statement; `filters` by the names of LIST, None where one does not apply."""
    return await LIST.page(reader, query, org_id=org_id, now=now, **filters)
