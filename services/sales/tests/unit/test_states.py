"""Leads and deals move along their tables, or not at all."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from chassis.errors import Invalid
from chassis.ids import new_id
from chassis.states import IllegalTransition
from sales.domain.deals import DEAL_MOVES, Deal, DealStage
from sales.domain.leads import LEAD_MOVES, Lead, LeadAlreadyConverted, LeadStage

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(("stage", "wanted"), list(product(LeadStage, LeadStage)))
def test_every_pair_of_lead_stages(stage: LeadStage, wanted: LeadStage) -> None:
    deal_id = new_id() if stage == LeadStage.CONVERTED else None
    lead = Lead(stage=stage, converted_deal_id=deal_id, disqualified_reason=None)
    allowed = wanted in LEAD_MOVES[stage]
    if wanted == LeadStage.CONVERTED:
        allowed = stage in {LeadStage.NEW, LeadStage.QUALIFIED}
    moves: dict[LeadStage, Callable[[], Any]] = {
        LeadStage.NEW: lead.reopen,
        LeadStage.QUALIFIED: lead.qualify,
        LeadStage.DISQUALIFIED: lambda: lead.disqualify("no budget"),
        LeadStage.CONVERTED: lambda: lead.convert(new_id(), NOW),
    }
    if allowed:
        moves[wanted]()
        assert lead.stage == wanted
        return
    with pytest.raises((IllegalTransition, LeadAlreadyConverted)):
        moves[wanted]()
    assert (lead.stage, lead.converted_deal_id) == (stage, deal_id)


@pytest.mark.parametrize(("stage", "wanted"), list(product(DealStage, DealStage)))
def test_every_pair_of_deal_stages(stage: DealStage, wanted: DealStage) -> None:
    deal = Deal(stage=stage)
    moves: dict[DealStage, Callable[[], Any]] = {
        DealStage.OPEN: deal.reopen,
        DealStage.WON: lambda: deal.win(NOW, None),
        DealStage.LOST: lambda: deal.lose(NOW, "too dear"),
    }
    if wanted in DEAL_MOVES[stage]:
        assert moves[wanted]() is not False
        assert deal.stage == wanted
        assert (deal.won_at is not None, deal.lost_at is not None) == (wanted == "WON", wanted == "LOST")
    elif stage == wanted != DealStage.OPEN:
        assert moves[wanted]() is False
    else:
        with pytest.raises(IllegalTransition) as refused:
            moves[wanted]()
        assert refused.value.details["allowed"] == sorted(DEAL_MOVES[stage])
        assert deal.stage == stage


def test_price_is_exact_or_refused() -> None:
    deal = Deal()
    deal.price(Decimal("19.99"), "EUR")
    assert (deal.value_minor, str(deal.value)) == (1999, "19.99")
    deal.price(None, "JPY")
    assert (deal.value, deal.currency) == (None, "JPY")
    with pytest.raises(Invalid):
        deal.price(Decimal("0.5"), "JPY")
    assert deal.currency == "JPY"
