"""Columns that several lists share: the people, companies and days that other rows refer to."""

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.rows import Instant
from sales.copies import DEFAULT_POLICIES, KnownMember, KnownOrganisation
from sales.domain.companies import Company

MEMBER = KnownMember.__table__.c
ORGANISATION = KnownOrganisation.__table__.c
COMPANY = Company.__table__.c

DEFAULT_ZONE = "UTC"


def _json(**columns: ColumnElement[Any]) -> ColumnElement[Any]:
    pairs = (part for name, column in columns.items() for part in (literal_column(f"'{name}'"), column))
    return func.json_build_object(*pairs)


PERSON: ColumnElement[Any] = case(
    (MEMBER.id.is_not(None), _json(id=MEMBER.id, name=MEMBER.name, email=MEMBER.email))
)
"""`{id, name, email}` of the member that a row is joined with; null without one."""

OWNER: ColumnElement[Any] = PERSON.label("owner")
"""`{id, name, email}` of the owner; null without one."""

COMPANY_NAMED: ColumnElement[Any] = case(
    (COMPANY.id.is_not(None), _json(id=COMPANY.id, name=COMPANY.name))
).label("company")
"""`{id, name}` of the company; null without one."""


def with_owner(rows: FromClause, columns: Any) -> FromClause:
    """Rows joined with the copy of their owner."""
    return rows.outerjoin(
        KnownMember.__table__, and_(MEMBER.org_id == columns.org_id, MEMBER.id == columns.owner_user_id)
    )


def with_company(rows: FromClause, columns: Any) -> FromClause:
    """Rows joined with their company."""
    return rows.outerjoin(
        Company.__table__, and_(COMPANY.org_id == columns.org_id, COMPANY.id == columns.company_id)
    )


def with_organisation(rows: FromClause, columns: Any) -> FromClause:
    """Rows joined with the organisation and its policies, where they are known here."""
    return rows.outerjoin(KnownOrganisation.__table__, ORGANISATION.org_id == columns.org_id)


def policy(name: str) -> ColumnElement[int]:
    """A policy that is a number; the default while the organisation is not known here."""
    return func.coalesce(cast(ORGANISATION.guardrails[name].astext, Integer), getattr(DEFAULT_POLICIES, name))


def is_stale(
    columns: Any,
    stages: Collection[StrEnum],
    last_activity_at: ColumnElement[Any],
    allowed: ColumnElement[timedelta],
) -> ColumnElement[bool]:
    """The one meaning of stale in sales: in one of these stages, not put away, and nothing happened for too long."""
    alive = columns.stage.in_([literal_column(f"'{each.value}'") for each in stages])
    return and_(
        alive, columns.archived_at.is_(None), last_activity_at < bindparam("now", type_=Instant) - allowed
    )


def created_filters(created_at: ColumnElement[Any]) -> dict[str, ColumnElement[bool]]:
    """Filters by creation: instants as they are, days from midnight to midnight in the organisation's zone."""
    zone = func.coalesce(
        select(ORGANISATION.time_zone).where(ORGANISATION.org_id == bindparam("org_id")).scalar_subquery(),
        DEFAULT_ZONE,
    )

    def midnight(day: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.timezone(zone, cast(day, DateTime), type_=Instant)

    return {
        "created_from_at": created_at >= bindparam("created_from_at", type_=Instant),
        "created_from_day": created_at >= midnight(bindparam("created_from_day", type_=Date)),
        "created_to_at": created_at <= bindparam("created_to_at", type_=Instant),
        "created_to_day": created_at < midnight(bindparam("created_to_day", type_=Date) + 1),
    }


def label_filters(columns: Any) -> dict[str, ColumnElement[bool]]:
    """Filters by tags, all of which a row must carry, ignoring case, and by values of custom fields."""
    return {
        "tags": _lowered(columns.tags).op("@>", is_comparison=True)(
            _lowered(bindparam("tags", type_=ARRAY(String)))
        ),
        "custom_fields": columns.custom_fields.contains(bindparam("custom_fields", type_=JSONB)),
    }


def _lowered(names: ColumnElement[Any]) -> ColumnElement[Any]:
    word = func.unnest(names).column_valued("word")
    return func.array(select(func.lower(word)).scalar_subquery())  # house: allow tenant, words of one row


def in_order(column: ColumnElement[Any], states: type[StrEnum]) -> ColumnElement[Any]:
    """A state's place in the order in which states are declared, as lists are sorted by it."""
    return case({state.value: place for place, state in enumerate(states)}, value=column)


def contains(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether one of the columns holds the text `q`, ignoring case."""
    return (
        func.strpos(func.lower(func.concat_ws("\n", *columns)), func.lower(bindparam("q", type_=String))) > 0
    )
