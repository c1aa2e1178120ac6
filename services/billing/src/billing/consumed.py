"""Facts in: copies of what others own, and the draft of a won deal."""

from billing.copies import COMPANIES, DEALS, FOLLOWERS, MEMBERS, ORGANISATIONS
from billing.usecases.invoices import WonDeal, draft_won_deal
from billing.usecases.merges import tell_moved
from chassis.errors import DependencyUnavailable
from chassis.inbox import Handlers, Received
from chassis.tx import Tx
from clients.identity.copies import DELETION, member_facts, organisation_facts
from clients.sales.copies import company_facts, deal_facts
from clients.sales.merges import merge_facts
from clients.sales.types import deal_of

COPIES: Handlers = {
    **member_facts(MEMBERS),
    **organisation_facts(ORGANISATIONS),
    **DELETION,
    **company_facts(COMPANIES),
    **merge_facts(COMPANIES, FOLLOWERS, tell_moved),
    **deal_facts(DEALS),
}
WON = "sales.deal.won.v1"


class OrganisationUnknown(Exception):
    """The organisation's copy has not arrived: the fact is tried again, and parked when it never does."""


async def on_deal_won(tx: Tx, fact: Received) -> None:
    """Keep the deal, and draft its invoice, by now perhaps for the company that its own has gone into."""
    await COPIES[WON](tx, fact)
    deal = deal_of(fact.org_id, fact.message.deal)
    try:
        await draft_won_deal(tx, WonDeal(deal.id, deal.title, deal.company_id, deal.value))
    except DependencyUnavailable as missing:
        # An unavailable database or peer stops the consumer for everybody; this concerns one organisation.
        raise OrganisationUnknown(fact.org_id) from missing
    await tell_moved(tx, await FOLLOWERS.catch_up(tx, deal.company_id))


HANDLERS: Handlers = {**COPIES, WON: on_deal_won}
