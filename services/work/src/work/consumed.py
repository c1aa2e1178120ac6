"""Facts in: copies of what others own, and what deals mean for work."""

from chassis.inbox import Handlers, Received
from chassis.tx import Tx
from clients.identity.copies import DELETION, member_facts, organisation_facts
from clients.sales.copies import company_facts, deal_facts
from clients.sales.merges import merge_facts
from clients.sales.types import deal_of
from work.copies import COMPANIES, DEALS, FOLLOWERS, MEMBERS, ORGANISATIONS
from work.domain.deliveries import delivery
from work.usecases.deliveries import note_lost_deal, promise_delivery
from work.usecases.merges import tell_moved

DEAL_WON = "sales.deal.won.v1"
DEAL_LOST = "sales.deal.lost.v1"

_KEEP_DEAL = deal_facts(DEALS)


async def on_deal_won(tx: Tx, fact: Received) -> None:
    """A won deal is to be delivered, by now perhaps to the company that its own has gone into."""
    await _KEEP_DEAL[DEAL_WON](tx, fact)
    deal = deal_of(fact.org_id, fact.message.deal)
    item = delivery(
        deal_id=deal.id, deal_title=deal.title, company_id=deal.company_id, due_date=deal.expected_close_date
    )
    await promise_delivery(tx, fact.org_id, deal.id, item)
    await tell_moved(tx, await FOLLOWERS.catch_up(tx, deal.company_id))


async def on_deal_lost(tx: Tx, fact: Received) -> None:
    """A lost deal is told in the history of its delivery."""
    await _KEEP_DEAL[DEAL_LOST](tx, fact)
    deal = deal_of(fact.org_id, fact.message.deal)
    await note_lost_deal(tx, fact.org_id, deal.id, deal.lost_reason)


HANDLERS: Handlers = {
    **member_facts(MEMBERS),
    **organisation_facts(ORGANISATIONS),
    **DELETION,
    **company_facts(COMPANIES),
    **merge_facts(COMPANIES, FOLLOWERS, tell_moved),
    **_KEEP_DEAL,
    DEAL_WON: on_deal_won,
    DEAL_LOST: on_deal_lost,
}
