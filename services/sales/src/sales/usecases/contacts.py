"""What can be done with contacts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from chassis.tx import Fact, Tx
from sales.domain.contacts import Contact
from sales.domain.custom_fields import FieldEntity
from sales.domain.finding import EntityType
from sales.domain.rows import Values, newborn
from sales.published import contact_archived, contact_created, contact_restored, contact_updated
from sales.store import companies, contacts, members
from sales.usecases.finding import index_rows
from sales.usecases.labels import labelled_changes, labelled_new


async def create_contact(tx: Tx, values: Values) -> Any:
    """A new contact, of a company or of none yet."""
    org_id = tx.actor.org_id
    await members.require_active(tx, org_id, values.get("owner_user_id"))
    await companies.require_live(tx, org_id, values.get("company_id"))
    values = await labelled_new(tx, FieldEntity.CONTACT, values)
    contact = Contact(**newborn(org_id, tx.now), channels=[])
    contact.revise(values)
    tx.add(contact)
    return await _tell(tx, contact, "CREATE", contact_created)


async def change_contact(tx: Tx, contact_id: UUID, values: Values) -> Any:
    """Change the fields that were sent; who moves to another company takes no deals along."""
    values = await labelled_changes(tx, FieldEntity.CONTACT, values)
    contact = await _expected(tx, contact_id)
    if values.get("owner_user_id") != contact.owner_user_id:
        await members.require_active(tx, contact.org_id, values.get("owner_user_id"))
    if values.get("company_id") != contact.company_id:
        await companies.require_live(tx, contact.org_id, values.get("company_id"))
    contact.revise(values)
    return await _tell(tx, contact, "UPDATE", contact_updated)


async def join_company(tx: Tx, contact: Contact, company_id: UUID) -> None:
    """A contact without a company belongs to this one from now on."""
    contact.company_id = company_id
    await _tell(tx, contact, "UPDATE", contact_updated)


async def archive_contact(tx: Tx, contact_id: UUID) -> Any:
    """No longer offered; an archived one stays as it is."""
    contact = await _expected(tx, contact_id)
    if not contact.archive(tx.now):
        return await contacts.show(tx, contact.org_id, contact_id)
    return await _tell(tx, contact, "ARCHIVE", contact_archived)


async def restore_contact(tx: Tx, contact_id: UUID) -> Any:
    """Offered again; a live one stays as it is."""
    contact = await _expected(tx, contact_id)
    if not contact.restore():
        return await contacts.show(tx, contact.org_id, contact_id)
    return await _tell(tx, contact, "RESTORE", contact_restored)


async def _expected(tx: Tx, contact_id: UUID) -> Contact:
    contact = await contacts.lock(tx.session, tx.actor.org_id, contact_id)
    tx.expect(contact)
    return contact


async def _tell(tx: Tx, contact: Contact, action: str, fact: Callable[[Any], Fact]) -> Any:
    """Record what changed, if anything did, publish it, and show the contact as it is now."""
    is_changed = tx.record(contact, action)
    show = contacts.show_new if action == "CREATE" else contacts.show
    shown = await show(tx, contact.org_id, contact.id)
    if is_changed:
        tx.publish(fact(shown))
        await index_rows(tx, EntityType.CONTACT, [shown])
    return shown
