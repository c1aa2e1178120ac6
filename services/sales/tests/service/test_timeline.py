"""The timeline of a deal: milestones from sales, work and billing, once each."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.sales.tests.place import NOBODY, Json, Place, code_of

from chassis.ids import new_id
from execos.billing.v1.events_pb2 import InvoicePaid, InvoiceSent
from execos.billing.v1.snapshots_pb2 import InvoiceSnapshot
from execos.platform.v1.values_pb2 import Reference
from execos.work.v1.events_pb2 import ItemCreated
from execos.work.v1.snapshots_pb2 import ItemSnapshot


def item(deal_id: str | None, at: datetime, kind: str = "delivery") -> ItemCreated:
    """What work says when it begins."""
    deal = Reference(id=deal_id, name="Retrofit") if deal_id else None
    snapshot = ItemSnapshot(id=str(new_id()), title="Deliver", kind=kind, deal=deal)
    snapshot.created_at.FromDatetime(at)
    return ItemCreated(item=snapshot)


def invoice(deal_id: str | None, **instants: datetime) -> InvoiceSnapshot:
    """An invoice as billing tells it."""
    deal = Reference(id=deal_id, name="Retrofit") if deal_id else None
    snapshot = InvoiceSnapshot(id=str(new_id()), status="SENT", deal=deal)
    for name, at in instants.items():
        getattr(snapshot, name).FromDatetime(at)
    return snapshot


async def deliver(place: Place, fact: Any, **more: Any) -> bool:
    """Let sales receive a fact."""
    row = fact.item if isinstance(fact, ItemCreated) else fact.invoice
    return await place.stand.deliver(fact, row.id, **more)


async def steps(place: Place, deal: Json) -> list[tuple[str, float | None, bool]]:
    """The milestones without their instants."""
    timeline = await place.read(f"/deals/{deal['id']}/timeline")
    return [
        (each["type"], each["durationFromPreviousHours"], each["isBottleneck"])
        for each in timeline["milestones"]
    ]


async def test_new_deal_has_one_milestone(place: Place) -> None:
    deal = await place.deal()
    assert await place.read(f"/deals/{deal['id']}/timeline") == {
        "dealId": deal["id"],
        "policyThresholdHours": 0,
        "totalCycleHours": None,
        "milestones": [
            {
                "type": "DEAL_CREATED",
                "timestamp": "2026-03-10T12:00:00Z",
                "durationFromPreviousHours": None,
                "isBottleneck": False,
            }
        ],
    }


async def test_whole_cycle_from_lead_to_money(place: Place) -> None:
    await place.change_organisation(policies={"overdue_after_days": 1})
    company, lead = await place.company(), await place.lead()
    place.stand.clock.advance(minutes=10)
    answer = await place.post(f"/leads/{lead['id']}/convert-to-deal", {"companyId": company["id"]})
    deal, made_at = answer.json(), place.stand.clock.now
    sent = invoice(deal["id"], sent_at=made_at + timedelta(hours=25))
    paid = invoice(deal["id"], paid_at=made_at + timedelta(hours=25, seconds=1))
    await deliver(place, InvoicePaid(invoice=paid))
    await deliver(place, InvoiceSent(invoice=sent))
    await deliver(place, item(deal["id"], made_at + timedelta(hours=1)))
    assert await steps(place, deal) == [
        ("LEAD_CREATED", None, False),
        ("DEAL_CREATED", 0.17, False),
        ("WORK_ROOT_CREATED", 1.0, False),
        ("INVOICE_SENT", 24.0, False),
        ("INVOICE_PAID", 0.0, False),
    ]
    timeline = await place.read(f"/deals/{deal['id']}/timeline")
    assert (timeline["totalCycleHours"], timeline["policyThresholdHours"]) == (25.17, 24)
    await place.change_organisation(policies={"overdue_after_days": 0})
    assert [step[2] for step in await steps(place, deal)] == [False, True, True, True, False]


async def test_first_of_a_type_counts_and_the_same_row_counts_once(place: Place) -> None:
    deal = await place.deal()
    now = place.stand.clock.now
    late = InvoiceSent(invoice=invoice(deal["id"], sent_at=now + timedelta(hours=9)))
    early = InvoiceSent(invoice=invoice(deal["id"], sent_at=now + timedelta(hours=2)))
    event_id = new_id()
    assert await deliver(place, late, event_id=event_id)
    assert not await deliver(place, late, event_id=event_id)
    assert await deliver(place, early)
    again = InvoiceSent(invoice=early.invoice)
    again.invoice.sent_at.FromDatetime(now + timedelta(hours=1))
    assert await deliver(place, again)
    assert await steps(place, deal) == [("DEAL_CREATED", None, False), ("INVOICE_SENT", 2.0, True)]


async def test_work_begins_with_the_first_item_of_the_deal_whatever_kind(place: Place) -> None:
    deal = await place.deal()
    begun = place.stand.clock.now
    for hours, kind in ((5, "delivery"), (2, "general"), (9, "general")):
        assert await deliver(place, item(deal["id"], begun + timedelta(hours=hours), kind=kind))
    assert await steps(place, deal) == [("DEAL_CREATED", None, False), ("WORK_ROOT_CREATED", 2.0, True)]


async def test_what_is_not_about_a_deal_here_changes_nothing(place: Place) -> None:
    deal = await place.deal()
    now = datetime(2026, 3, 11, tzinfo=UTC)
    assert await deliver(place, item(None, now))
    assert await deliver(place, item(NOBODY, now))
    assert await deliver(place, InvoiceSent(invoice=invoice(None, sent_at=now)))
    assert await deliver(place, InvoicePaid(invoice=invoice(None, paid_at=now)))
    assert await deliver(place, InvoiceSent(invoice=invoice(deal["id"], sent_at=now)), org_id=new_id())
    assert [step[0] for step in await steps(place, deal)] == ["DEAL_CREATED"]
    assert (await place.read(f"/deals/{deal['id']}"))["version"] == 1


async def test_unknown_deal_has_no_timeline(place: Place) -> None:
    assert code_of(await place.get(f"/deals/{NOBODY}/timeline"), 404) == "NOT_FOUND"
