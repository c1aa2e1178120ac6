"""A lead becomes a deal: once, with its company, its contact and whatever is known of it."""

from typing import Any
from uuid import UUID

from chassis.errors import BadRequest
from chassis.tx import Tx
from sales.domain.custom_fields import FieldEntity
from sales.domain.leads import Lead
from sales.domain.permissions import Permission
from sales.domain.rows import TAGS, Values
from sales.published import lead_converted
from sales.store import companies, contacts, members, organisations, tags
from sales.usecases.companies import create_company
from sales.usecases.contacts import create_contact, join_company
from sales.usecases.custom_fields import new_values, values_for
from sales.usecases.deals import open_deal
from sales.usecases.leads import expected_lead, tell_lead
from sales.usecases.notes import carry_notes
from sales.usecases.tags import keep_names, tagged_values

TERMS = ("value_amount", "currency", "expected_close_date")
"""What a deal has that no lead has."""


async def convert_lead(tx: Tx, lead_id: UUID, values: Values) -> Any:
    """The new deal; LeadAlreadyConverted names the one that a lead became before.

    The tags that it takes are held before the lead, as whoever renames one does.
    """
    values = await tagged_values(tx, values)
    if TAGS not in values:
        await tags.hold_of_lead(tx, tx.actor.org_id, lead_id)
    lead = await expected_lead(tx, lead_id)
    lead.check_convertible()
    organisation = await organisations.get(tx.session, lead.org_id)
    company_id = await _company(tx, lead, values)
    contact_id = await _contact(tx, lead, values, company_id)
    own = await values_for(tx, FieldEntity.DEAL, lead.custom_fields)
    own |= (await new_values(tx, FieldEntity.DEAL, values)).get("custom_fields", {})
    carried = {
        "title": lead.title,
        "company_id": company_id,
        "contact_id": contact_id,
        "owner_user_id": await _owner(tx, lead, values, is_required=organisation.policies.require_deal_owner),
        "lead_id": lead.id,
        "lead_created_at": lead.created_at,
        "tags": values[TAGS] if TAGS in values else await keep_names(tx, lead.tags),
        "custom_fields": own,
    }
    deal = await open_deal(tx, organisation, {name: values.get(name) for name in TERMS} | carried)
    lead.company_id, lead.contact_id = company_id, contact_id
    lead.convert(deal.id, tx.now)
    await _tell(tx, lead, deal)
    await carry_notes(tx, lead, deal.id)
    return deal


async def _tell(tx: Tx, lead: Lead, deal: Any) -> None:
    """With the names that the reference's clients read in the entry."""
    await tell_lead(
        tx,
        lead,
        "CONVERT",
        lead_converted,
        dealId=str(deal.id),
        dealStage=deal.stage,
        companyId=str(lead.company_id),
        contactId=str(lead.contact_id) if lead.contact_id else None,
    )


async def _company(tx: Tx, lead: Lead, values: Values) -> UUID:
    """The lead's company, or the one that the body names or describes."""
    described, named = values.get("company"), values.get("company_id")
    if described is not None:
        if named or lead.company_id:
            raise BadRequest("There is a company already; name it or leave it out.", field="company")
        tx.actor.must(Permission.COMPANIES_WRITE)
        company_id: UUID = (await create_company(tx, described)).id
        return company_id
    if lead.company_id and named not in {None, lead.company_id}:
        raise BadRequest("The lead belongs to another company.", field="companyId")
    wanted: UUID | None = lead.company_id or named
    if wanted is None:
        raise BadRequest("companyId is required when the lead has no company.", field="companyId")
    await companies.require_live(tx, lead.org_id, wanted)
    return wanted


async def _contact(tx: Tx, lead: Lead, values: Values, company_id: UUID) -> UUID | None:
    """The contact that the body names or describes, or the lead's; one without a company joins this one.

    Whom the body names by null is nobody, whatever the lead has.
    """
    described = values.get("contact")
    wanted = values.get("contact_id", lead.contact_id)
    if described is not None:
        if wanted:
            raise BadRequest("There is a contact already; name it or leave it out.", field="contact")
        tx.actor.must(Permission.CONTACTS_WRITE)
        contact_id: UUID = (await create_contact(tx, {**described, "company_id": company_id})).id
        return contact_id
    if wanted is None:
        return None
    contact = await contacts.get_live(tx.session, lead.org_id, wanted)
    if contact.company_id is None:
        await join_company(tx, contact, company_id)
    if contact.company_id != company_id:
        raise BadRequest("The contact does not belong to the company.", field="contactId")
    return contact.id


async def _owner(tx: Tx, lead: Lead, values: Values, *, is_required: bool) -> UUID | None:
    """Who is named, else the lead's owner while still active, else the caller where somebody must be responsible.

    Null names nobody: then the lead's owner is not asked for either.
    """
    if "owner_user_id" in values:
        await members.require_active(tx, lead.org_id, values["owner_user_id"])
    named = values.get("owner_user_id", lead.owner_user_id)
    candidates = [named, tx.actor.id if is_required else None]
    return await members.first_active(tx, lead.org_id, [each for each in candidates if each])
