"""Contacts in SQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import BadRequest, NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from sales.domain.contacts import Contact
from sales.domain.custom_fields import FieldEntity
from sales.store.custom_fields import missing, require, typed
from sales.store.embedded import (
    COMPANY_NAMED,
    OWNER,
    contains,
    created_filters,
    label_filters,
    with_company,
    with_owner,
)

CONTACT = Contact.__table__.c

_SHOWN = (
    select(
        CONTACT.id,
        CONTACT.version,
        CONTACT.name,
        CONTACT.title,
        CONTACT.company_id,
        COMPANY_NAMED,
        CONTACT.channels,
        CONTACT.email,
        CONTACT.phone,
        CONTACT.owner_user_id,
        OWNER,
        CONTACT.tags,
        CONTACT.custom_fields,
        CONTACT.archived_at,
        CONTACT.created_at,
        CONTACT.updated_at,
    )
    .select_from(with_owner(with_company(Contact.__table__, CONTACT), CONTACT))
    .where(CONTACT.org_id == bindparam("org_id"))
)
BY_ID = Lookup(_SHOWN.where(CONTACT.id == bindparam("contact_id")), row_type=Contact, key="contact_id")
_BORN = Lookup(
    _SHOWN.add_columns(missing(FieldEntity.CONTACT, CONTACT)).where(CONTACT.id == bindparam("contact_id")),
    row_type=Contact,
    key="contact_id",
)
_BY_IDS = Lookup(_SHOWN.where(CONTACT.id == func.any(bindparam("contact_ids"))).order_by(CONTACT.id))
_INVOICE_EMAIL = Lookup(
    select(CONTACT.email)
    .where(
        CONTACT.org_id == bindparam("org_id"),
        CONTACT.company_id == bindparam("company_id"),
        CONTACT.archived_at.is_(None),
        CONTACT.email.is_not(None),
    )
    .order_by(CONTACT.created_at, CONTACT.id)
    .limit(1)
)
LIST = ListQuery(
    _SHOWN,
    key=CONTACT.id,
    sorts={
        "createdAt": CONTACT.created_at,
        "name": func.lower(CONTACT.name),
        "title": func.lower(CONTACT.title),
    },
    filters={
        "live": CONTACT.archived_at.is_(None),
        "company_id": CONTACT.company_id == bindparam("company_id"),
        "owner_user_id": CONTACT.owner_user_id == bindparam("owner_user_id"),
        "q": contains(CONTACT.name, CONTACT.email, CONTACT.phone),
        **created_filters(CONTACT.created_at),
        **label_filters(CONTACT),
    },
)


async def list_contacts(
    reader: Reader, org_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page."""
    wanted = await typed(reader, org_id, FieldEntity.CONTACT, filters)
    return await LIST.page(reader, query, org_id=org_id, **wanted)


async def show(reader: Reader, org_id: UUID, contact_id: UUID) -> Any:
    """One contact as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, contact_id=contact_id)
    if not rows:
        raise NotFound("There is no such contact.")
    return rows[0]


async def show_new(reader: Reader, org_id: UUID, contact_id: UUID) -> Any:
    """A contact that has just been added; Invalid when a required custom field has no value."""
    return require((await reader.rows(_BORN, org_id=org_id, contact_id=contact_id))[0])


async def show_each(reader: Reader, org_id: UUID, contact_ids: list[UUID]) -> Rows:
    """Contacts by id; unknown ids are left out."""
    return await reader.rows(_BY_IDS, org_id=org_id, contact_ids=contact_ids)


async def first_email(reader: Reader, org_id: UUID, company_id: UUID) -> str | None:
    """The primary address of a company's primary contact: the oldest live one that has any."""
    rows = await reader.rows(_INVOICE_EMAIL, org_id=org_id, company_id=company_id)
    return rows[0].email if rows else None


async def lock(session: AsyncSession, org_id: UUID, contact_id: UUID) -> Contact:
    """A contact to be changed; NotFound when it does not exist here."""
    wanted = select(Contact).where(Contact.org_id == org_id, Contact.id == contact_id).with_for_update()
    contact = await session.scalar(wanted)
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


async def get_live(session: AsyncSession, org_id: UUID, contact_id: UUID) -> Contact:
    """A contact that something refers to from now on, held as it is; BadRequest when it is not here or archived."""
    wanted = select(Contact).where(
        Contact.org_id == org_id, Contact.id == contact_id, Contact.archived_at.is_(None)
    )
    contact = await session.scalar(wanted.with_for_update(key_share=True))
    if contact is None:
        raise BadRequest("There is no such contact, or it is archived.", field="contactId")
    return contact
