"""What an item may refer to, and what the organisation's policies ask of it."""

from datetime import datetime

from chassis.clock import business_day
from chassis.errors import BadRequest, DependencyUnavailable
from chassis.tx import Tx
from work.copies import COMPANIES, FOLLOWERS, KnownOrganisation
from work.domain.guardrails import Guardrails
from work.domain.items import Links
from work.store import references
from work.store.references import Known

NOTHING = Links()


async def check_links(tx: Tx, links: Links, before: Links = NOTHING) -> Guardrails:
    """The guardrails of the organisation; BadRequest when a link that is new is to nothing here.

    A link that the item had before stays valid: people leave, companies are archived, and the items must still be
    changeable.
    """
    known = await references.find(tx.session, tx.actor.org_id, links)
    if known is None:
        raise DependencyUnavailable("The organisation is not known here yet; try again.", service="identity")
    if links.assigned_to_user_id != before.assigned_to_user_id:
        _check_assignee(links, known)
    if links.company_id is not None and links.company_id != before.company_id:
        await FOLLOWERS.require_live(tx, COMPANIES, links.company_id)
    if links[1:] != before[1:]:
        _check_deal(links, known)
    return guardrails_of(known.organisation, tx.now)


def guardrails_of(organisation: KnownOrganisation, now: datetime) -> Guardrails:
    """The policies that concern work, on the organisation's present day."""
    policies = organisation.policies
    return Guardrails(
        today=business_day(now, organisation.time_zone),
        is_owner_required=policies.require_work_owner,
        is_due_date_required=policies.require_work_due_date,
        default_due_days=policies.default_work_due_days,
        makes_deliveries=policies.auto_work_item_on_deal_won,
    )


def _check_assignee(links: Links, known: Known) -> None:
    if links.assigned_to_user_id is not None and known.assignee_status != "active":
        raise BadRequest(
            "assignedToUserId is no active member of this organisation.", field="assignedToUserId"
        )


def _check_deal(links: Links, known: Known) -> None:
    if links.deal_id is not None and known.deal_id is None:
        raise BadRequest("dealId is no deal of this organisation.", field="dealId")
    if None not in links[1:] and known.deal_company_id != links.company_id:
        raise BadRequest("The deal belongs to another company.", field="dealId")
