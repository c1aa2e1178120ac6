"""How a row of a file becomes a company, a contact, a lead or a deal: by the rules of the single commands."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from chassis.states import check_move
from chassis.tx import Fact, Tx
from sales.copies import KnownOrganisation
from sales.domain.companies import Company
from sales.domain.contacts import Contact
from sales.domain.deals import Deal, DealStage, check_owner, take_reason
from sales.domain.imports import Entity
from sales.domain.leads import LEAD_MOVES, Lead, LeadStage
from sales.domain.rows import Values, assign, newborn
from sales.published import (
    company_archived,
    company_created,
    company_updated,
    contact_archived,
    contact_created,
    contact_updated,
    deal_archived,
    deal_created,
    deal_lost,
    deal_reopened,
    deal_updated,
    deal_won,
    lead_archived,
    lead_created,
    lead_disqualified,
    lead_qualified,
    lead_reopened,
    lead_updated,
)
from sales.store import companies, contacts, deals, leads

COMMANDS = frozenset({"stage", "value_amount", "currency"})
PLACE = frozenset({"pipeline_id", "pipeline_stage", "stage_entered_at"})
LEAD_DECIDED: Mapping[str, str] = {
    LeadStage.NEW: "REOPEN",
    LeadStage.QUALIFIED: "QUALIFY",
    LeadStage.DISQUALIFIED: "DISQUALIFY",
}
DEAL_DECIDED: Mapping[str, str] = {
    DealStage.OPEN: "REOPEN",
    DealStage.WON: "MARK_WON",
    DealStage.LOST: "MARK_LOST",
}


class Terms(Protocol):
    """What an organisation has decided, and when it is."""

    organisation: KnownOrganisation
    tx: Tx

    def pipeline_of(self, deal: Any) -> Any:
        """The pipeline of a deal, new ones and those of older code being in the default one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What rows of one entity become.

    `facts` are by action; `outcome` is what commands of their own change, `decided` the one that leads to each stage.
    """

    row_type: Any
    make: Callable[[Terms, Values], Any]
    change: Callable[[Terms, Any, Values], str]
    show_each: Callable[[Tx, list[UUID]], Awaitable[Any]]
    facts: Mapping[str, Callable[[Any], Fact]]
    outcome: frozenset[str] = frozenset()
    decided: Mapping[str, str] = field(default_factory=dict)


def _make_company(terms: Terms, values: Values) -> Company:
    return Company(**newborn(terms.tx.actor.org_id, terms.tx.now), **values)


def _change_company(_terms: Terms, company: Company, values: Values) -> str:
    assign(company, values)
    return "UPDATE"


def _make_contact(terms: Terms, values: Values) -> Contact:
    contact = Contact(**newborn(terms.tx.actor.org_id, terms.tx.now), channels=[])
    contact.revise(values)
    return contact


def _change_contact(_terms: Terms, contact: Contact, values: Values) -> str:
    contact.revise(values)
    return "UPDATE"


def _make_lead(terms: Terms, values: Values) -> Lead:
    fields = {name: value for name, value in values.items() if name != "stage"}
    lead = Lead(**newborn(terms.tx.actor.org_id, terms.tx.now) | {"stage": LeadStage.NEW.value} | fields)
    _move_lead(lead, values)
    return lead


def _change_lead(_terms: Terms, lead: Lead, values: Values) -> str:
    assign(lead, {name: value for name, value in values.items() if name != "stage"})
    return _move_lead(lead, values)


def _move_lead(lead: Lead, values: Values) -> str:
    wanted = LeadStage(values.get("stage", lead.stage))
    if wanted == lead.stage:
        return "UPDATE"
    check_move(LEAD_MOVES, LeadStage(lead.stage), wanted)
    if wanted is LeadStage.QUALIFIED:
        lead.qualify()
    elif wanted is LeadStage.DISQUALIFIED:
        lead.disqualify(None)
    else:
        lead.reopen()
    return LEAD_DECIDED[wanted]


def _make_deal(terms: Terms, values: Values) -> Deal:
    check_owner(values.get("owner_user_id"), is_required=terms.organisation.policies.require_deal_owner)
    fields = {name: value for name, value in values.items() if name not in COMMANDS}
    reason = take_reason(DealStage.OPEN, DealStage(values.get("stage", DealStage.OPEN)), fields)
    begun = {"stage": DealStage.OPEN.value, "last_activity_at": terms.tx.now}
    deal = Deal(**newborn(terms.tx.actor.org_id, terms.tx.now) | fields | begun)
    deal.price(values.get("value_amount"), values.get("currency") or terms.organisation.currency)
    _move_deal(terms, deal, values, reason)
    return deal


def _change_deal(terms: Terms, deal: Deal, values: Values) -> str:
    fields = {name: value for name, value in values.items() if name not in COMMANDS | PLACE}
    reason = take_reason(DealStage(deal.stage), DealStage(values.get("stage", deal.stage)), fields)
    assign(deal, fields)
    check_owner(deal.owner_user_id, is_required=terms.organisation.policies.require_deal_owner)
    if not {"value_amount", "currency"}.isdisjoint(values):
        known = deal.value and Decimal(str(deal.value))
        deal.price(values.get("value_amount", known), values.get("currency", deal.currency))
    if "pipeline_stage" in values:
        _step(terms, deal, values["pipeline_stage"])
    return _move_deal(terms, deal, values, reason)


def _step(terms: Terms, deal: Deal, stage: str) -> None:
    place = terms.pipeline_of(deal).id, stage
    if place != (deal.pipeline_id, deal.pipeline_stage):
        deal.check_on_its_way(stage)
        deal.place(*place, terms.tx.now)


def _move_deal(terms: Terms, deal: Deal, values: Values, reason: str | None) -> str:
    wanted = DealStage(values.get("stage", deal.stage))
    if wanted == deal.stage:
        return "UPDATE"
    if wanted is DealStage.WON:
        deal.win(terms.tx.now, reason)
    elif wanted is DealStage.LOST:
        deal.lose(terms.tx.now, reason)
    else:
        deal.reopen()
    return DEAL_DECIDED[wanted]


KINDS: Mapping[Entity, Kind] = {
    Entity.COMPANY: Kind(
        Company,
        _make_company,
        _change_company,
        lambda tx, ids: companies.show_each(tx, tx.actor.org_id, ids),
        {"CREATE": company_created, "UPDATE": company_updated, "ARCHIVE": company_archived},
    ),
    Entity.CONTACT: Kind(
        Contact,
        _make_contact,
        _change_contact,
        lambda tx, ids: contacts.show_each(tx, tx.actor.org_id, ids),
        {"CREATE": contact_created, "UPDATE": contact_updated, "ARCHIVE": contact_archived},
    ),
    Entity.LEAD: Kind(
        Lead,
        _make_lead,
        _change_lead,
        lambda tx, ids: leads.show_each(tx, tx.actor.org_id, ids, now=tx.now),
        {
            "CREATE": lead_created,
            "UPDATE": lead_updated,
            "ARCHIVE": lead_archived,
            "QUALIFY": lead_qualified,
            "DISQUALIFY": lead_disqualified,
            "REOPEN": lead_reopened,
        },
        frozenset({"stage", "disqualified_reason"}),
        LEAD_DECIDED,
    ),
    Entity.DEAL: Kind(
        Deal,
        _make_deal,
        _change_deal,
        lambda tx, ids: deals.show_each(tx, tx.actor.org_id, ids, now=tx.now),
        {
            "CREATE": deal_created,
            "UPDATE": deal_updated,
            "ARCHIVE": deal_archived,
            "MARK_WON": deal_won,
            "MARK_LOST": deal_lost,
            "REOPEN": deal_reopened,
        },
        frozenset({"stage", "won_at", "won_reason", "lost_at", "lost_reason"}),
        DEAL_DECIDED,
    ),
}
