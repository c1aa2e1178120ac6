"""What leads and deals refer to: a company and a contact that belong together."""

from uuid import UUID

from chassis.errors import BadRequest
from chassis.tx import Tx
from sales.domain.deals import Deal
from sales.domain.leads import Lead
from sales.domain.rows import Values
from sales.store import companies, contacts


async def check_buyer(tx: Tx, company_id: UUID | None, contact_id: UUID | None) -> None:
    """BadRequest unless company and contact are here, live, and belong together."""
    await companies.require_live(tx, tx.actor.org_id, company_id)
    await _check_contact(tx, company_id, contact_id)


async def check_new_buyer(tx: Tx, row: Lead | Deal, values: Values) -> None:
    """The same for what a change makes of a row; what stays as it is may be archived meanwhile."""
    company_id = values.get("company_id", row.company_id)
    contact_id = values.get("contact_id", row.contact_id)
    if company_id != row.company_id:
        await companies.require_live(tx, row.org_id, company_id)
    if (company_id, contact_id) != (row.company_id, row.contact_id):
        await _check_contact(tx, company_id, contact_id)


async def _check_contact(tx: Tx, company_id: UUID | None, contact_id: UUID | None) -> None:
    if contact_id is None:
        return
    contact = await contacts.get_live(tx.session, tx.actor.org_id, contact_id)
    if company_id is not None and contact.company_id != company_id:
        raise BadRequest("The contact does not belong to the company.", field="contactId")
