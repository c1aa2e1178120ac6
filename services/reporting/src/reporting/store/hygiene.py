"""The hygiene inbox: every untidy entity once, with all its issues, in one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    String,
    Text,
    bindparam,
    case,
    cast,
    func,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB, array

from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from reporting.domain.hygiene import Issue
from reporting.store.definitions import (
    AS_OF,
    DEAL,
    INVOICE,
    IS_OVERDUE_INVOICE,
    IS_OVERDUE_WORK,
    IS_UNASSIGNED_WORK,
    IS_UNDATED_WORK,
    IS_UNLOCKED_INVOICE,
    IS_UNOWNED_DEAL,
    ITEM,
    ORG_ID,
    Shown,
    company,
    constant,
    person,
)

FIRST = 200
"""How many the bare array of the reference's clients holds."""

NOTHING, NOBODY, NO_DAY = cast(null(), BigInteger), cast(null(), JSONB), cast(null(), Date)

_WORK_ISSUES = {
    Issue.WORK_OVERDUE: IS_OVERDUE_WORK,
    Issue.WORK_UNASSIGNED: IS_UNASSIGNED_WORK,
    Issue.WORK_UNDATED: IS_UNDATED_WORK,
}
_INVOICE_ISSUES = {
    Issue.INVOICE_OVERDUE: IS_OVERDUE_INVOICE,
    Issue.INVOICE_UNLOCKED: IS_UNLOCKED_INVOICE,
}
_DEAL_ISSUES = {Issue.DEAL_WITHOUT_OWNER: IS_UNOWNED_DEAL}


def _any(found: Mapping[Issue, Shown]) -> Shown:
    return reduce(or_, found.values())


def _named(found: Mapping[Issue, Shown]) -> Shown:
    """The names of the issues that a row has, in their order."""
    each = [case((condition, constant(issue.value))) for issue, condition in found.items()]
    return func.array_remove(cast(array(each), ARRAY(Text)), null(), type_=ARRAY(String)).label("issues")


# Every part has the same columns in the same order.
_ROWS = union_all(
    select(
        constant("WORK_ITEM").label("entity_type"),
        ITEM.id.label("entity_id"),
        ITEM.title,
        _named(_WORK_ISSUES),
        ITEM.status,
        ITEM.due_date,
        ITEM.created_at,
        person(ITEM.assigned_to_user_id).label("owner"),
        company(ITEM.company_id, ITEM.company_name).label("company"),
        NOTHING.label("minor"),
        cast(null(), String).label("currency"),
    ).where(ITEM.org_id == ORG_ID, _any(_WORK_ISSUES)),
    select(
        constant("INVOICE"),
        INVOICE.id,
        func.coalesce(INVOICE.number, INVOICE.company_name),
        _named(_INVOICE_ISSUES),
        INVOICE.status,
        INVOICE.due_date,
        INVOICE.created_at,
        NOBODY,
        company(INVOICE.company_id, INVOICE.company_name),
        INVOICE.balance_minor,
        INVOICE.currency,
    ).where(INVOICE.org_id == ORG_ID, _any(_INVOICE_ISSUES)),
    select(
        constant("DEAL"),
        DEAL.id,
        DEAL.title,
        _named(_DEAL_ISSUES),
        DEAL.stage,
        NO_DAY,
        DEAL.created_at,
        NOBODY,
        company(DEAL.company_id, DEAL.company_name),
        DEAL.value_minor,
        DEAL.currency,
    ).where(DEAL.org_id == ORG_ID, _any(_DEAL_ISSUES)),
).subquery("untidy")

_UNTIDY = _ROWS.c
# tenantless: reads no table itself, each of its parts names org_id
_READABLE = select(*_UNTIDY, AS_OF).where(
    cast(_UNTIDY.entity_type, Text) == func.any(bindparam("readable", type_=ARRAY(Text)))
)
LIST = ListQuery(
    _READABLE, key=_UNTIDY.entity_id, sorts={"dueDate": _UNTIDY.due_date, "createdAt": _UNTIDY.created_at}
)
_FIRST = Lookup(_READABLE.order_by(_UNTIDY.due_date, _UNTIDY.created_at, _UNTIDY.entity_id).limit(FIRST))


async def list_first(reader: Reader, org_id: UUID, readable: Sequence[str], now: datetime) -> Sequence[Any]:
    """The first 200 of the entity types that the reader may read, the longest overdue first."""
    return await reader.rows(_FIRST, org_id=org_id, readable=list(readable), now=now)


async def list_page(
    reader: Reader, org_id: UUID, query: PageQuery, readable: Sequence[str], now: datetime
) -> PageRows | CursorRows:
    """A page of the same."""
    return await LIST.page(reader, query, org_id=org_id, readable=list(readable), now=now)
