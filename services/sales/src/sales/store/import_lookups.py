"""What the rows of a file refer to, or are already: looked up by what people write, many at once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, Uuid, and_, bindparam, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.queries import Lookup
from chassis.tx import Tx
from sales.copies import KnownMember
from sales.domain.companies import Company
from sales.domain.contacts import Contact
from sales.domain.deals import Deal
from sales.domain.imports import Entity
from sales.domain.leads import Lead
from sales.store.contacts import CONTACT
from sales.store.deals import DEAL
from sales.store.embedded import COMPANY, MEMBER
from sales.store.leads import LEAD
from sales.store.members import ACTIVE

Found = Mapping[str, Sequence[Any]]
"""What was found, by what was looked for."""

_GIVEN = (
    func.unnest(bindparam("given", type_=ARRAY(String))).table_valued("value").render_derived(name="given")
)
_VALUE: ColumnElement[str] = _GIVEN.c.value


def _found_by(
    table: Any, columns: Any, matches: ColumnElement[bool], label: ColumnElement[Any], *more: Any
) -> Lookup:
    joined = _GIVEN.join(table, and_(columns.org_id == bindparam("org_id"), matches))
    chosen = select(_VALUE.label("given"), columns.id, label.label("label"), *more).select_from(joined)
    # tenantless: what it joins names org_id
    return Lookup(chosen.order_by(columns.created_at if "created_at" in columns else columns.id, columns.id))


def _live_by(
    table: Any, columns: Any, matches: ColumnElement[bool], label: ColumnElement[Any], *more: Any
) -> Lookup:
    return _found_by(table, columns, and_(matches, columns.archived_at.is_(None)), label, *more)


def _equal(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.lower(column) == func.lower(_VALUE)


_ID = cast(_VALUE, Uuid)
_BUYER = (
    select(COMPANY.name).where(COMPANY.org_id == DEAL.org_id, COMPANY.id == DEAL.company_id).scalar_subquery()
)
_TITLE_AND_COMPANY = and_(
    func.lower(DEAL.title)
    == func.lower(func.split_part(_VALUE, literal_column("E'\\n'"), literal_column("1"))),
    func.lower(_BUYER) == func.lower(func.split_part(_VALUE, literal_column("E'\\n'"), literal_column("2"))),
)
_MATCHES: Mapping[tuple[Entity, str], Lookup] = {
    (Entity.COMPANY, "id"): _live_by(Company.__table__, COMPANY, COMPANY.id == _ID, COMPANY.name),
    (Entity.COMPANY, "name"): _live_by(Company.__table__, COMPANY, _equal(COMPANY.name), COMPANY.name),
    (Entity.COMPANY, "email"): _live_by(Company.__table__, COMPANY, _equal(COMPANY.email), COMPANY.name),
    (Entity.COMPANY, "vatId"): _live_by(Company.__table__, COMPANY, COMPANY.vat_id == _VALUE, COMPANY.name),
    (Entity.CONTACT, "id"): _live_by(Contact.__table__, CONTACT, CONTACT.id == _ID, CONTACT.name),
    (Entity.CONTACT, "name"): _live_by(Contact.__table__, CONTACT, _equal(CONTACT.name), CONTACT.name),
    (Entity.CONTACT, "email"): _live_by(
        Contact.__table__, CONTACT, _equal(CONTACT.email), CONTACT.name, CONTACT.company_id
    ),
    (Entity.LEAD, "id"): _live_by(Lead.__table__, LEAD, LEAD.id == _ID, LEAD.title),
    (Entity.LEAD, "title"): _live_by(Lead.__table__, LEAD, _equal(LEAD.title), LEAD.title),
    (Entity.DEAL, "id"): _live_by(Deal.__table__, DEAL, DEAL.id == _ID, DEAL.title),
    (Entity.DEAL, "title"): _live_by(Deal.__table__, DEAL, _TITLE_AND_COMPANY, DEAL.title),
}
_OWNERS = _found_by(
    KnownMember.__table__,
    MEMBER,
    _equal(MEMBER.email),
    MEMBER.name,
    (MEMBER.status == literal_column(f"'{ACTIVE}'")).label("is_active"),
)
_PUT_AWAY = _found_by(
    Company.__table__, COMPANY, and_(_equal(COMPANY.name), COMPANY.archived_at.is_not(None)), COMPANY.name
)
_BUYERS = (
    select(CONTACT.id, CONTACT.company_id)
    .where(
        CONTACT.org_id == bindparam("org_id"),
        CONTACT.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        CONTACT.archived_at.is_(None),
    )
    .order_by(CONTACT.id)
)
_SEEN_BUYERS = Lookup(_BUYERS)
# Held as they are, like the companies: what refers to one must not miss that it is moved, archived or merged.
_HELD_BUYERS = Lookup(_BUYERS.with_for_update(read=True))
_HELD_COMPANIES = Lookup(
    select(COMPANY.id)
    .where(
        COMPANY.org_id == bindparam("org_id"),
        COMPANY.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        COMPANY.archived_at.is_(None),
    )
    .order_by(COMPANY.id)
    .with_for_update(read=True, key_share=True)
)


class Overtaken(Exception):
    """Somebody has changed a row, or put it away, between the look at it and the lock: decide anew."""


async def matches(tx: Tx, entity: Entity, field: str, given: Sequence[str]) -> Found:
    """Live rows by one of their fields, the oldest of each first."""
    return await _find(tx, _MATCHES[entity, field], given)


def _has_live(table: Any) -> ColumnElement[bool]:
    columns = table.__table__.c
    theirs = (columns.org_id == COMPANY.org_id, columns.company_id == COMPANY.id)
    # tenantless: it is joined to a company of the organisation
    return select(columns.id).where(*theirs, columns.archived_at.is_(None)).exists()


_IN_USE = Lookup(
    select(COMPANY.id).where(
        COMPANY.org_id == bindparam("org_id"),
        COMPANY.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        or_(*(_has_live(table) for table in (Contact, Lead, Deal))),
    )
)


async def in_use(tx: Tx, company_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these companies have anything that is live."""
    found = await tx.rows(_IN_USE, org_id=tx.actor.org_id, ids=list(company_ids)) if company_ids else ()
    return {row.id for row in found}


async def owners(tx: Tx, emails: Sequence[str]) -> Found:
    """Members by e-mail, whether they are active or not."""
    return await _find(tx, _OWNERS, emails)


async def put_away(tx: Tx, names: Sequence[str]) -> Found:
    """Archived companies by name."""
    return await _find(tx, _PUT_AWAY, names)


async def buyers(tx: Tx, contact_ids: Collection[UUID], *, is_held: bool) -> dict[UUID, UUID | None]:
    """The companies of those of the contacts that are live; held as they are until this transaction ends."""
    lookup = _HELD_BUYERS if is_held else _SEEN_BUYERS
    found = await tx.rows(lookup, org_id=tx.actor.org_id, ids=list(contact_ids)) if contact_ids else ()
    return {row.id: row.company_id for row in found}


async def hold_companies(tx: Tx, company_ids: Collection[UUID]) -> set[UUID]:
    """Those of the companies that are live; they stay as they are until this transaction ends."""
    found = (
        await tx.rows(_HELD_COMPANIES, org_id=tx.actor.org_id, ids=list(company_ids)) if company_ids else ()
    )
    return {row.id for row in found}


async def targets(
    tx: Tx, row_type: Any, ids: Collection[UUID], *, is_locked: bool = False
) -> Mapping[UUID, Any]:
    """Rows to be changed, by id."""
    if not ids:
        return {}
    wanted = select(row_type).where(row_type.org_id == tx.actor.org_id, row_type.id.in_(ids))
    found = await tx.session.scalars(wanted.order_by(row_type.id).with_for_update() if is_locked else wanted)
    return {row.id: row for row in found}


async def lock_as_seen(tx: Tx, row_type: Any, seen: Mapping[UUID, Any]) -> None:
    """Lock rows that were read without; Overtaken unless they are as they were."""
    if not seen:
        return
    columns = row_type.__table__.c
    wanted = select(columns.id, columns.version).where(
        columns.org_id == tx.actor.org_id, columns.id.in_(seen)
    )
    found = (await tx.session.execute(wanted.order_by(columns.id).with_for_update())).all()
    if {row.id: row.version for row in found} != {row.id: row.version for row in seen.values()}:
        raise Overtaken


async def _find(tx: Tx, lookup: Lookup, given: Sequence[str]) -> Found:
    if not given:
        return {}
    found: dict[str, list[Any]] = {}
    for row in await tx.rows(lookup, org_id=tx.actor.org_id, given=list(given)):
        found.setdefault(row.given, []).append(row)
    return found
