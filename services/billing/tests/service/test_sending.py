"""Sending: gapless numbers, parties, lock, facts."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from billing.domain.parties import Party
from billing.usecases.invoices import send_invoice
from chassis.auth import system_actor
from chassis.errors import Conflict
from chassis.ids import new_id


async def test_draft_is_numbered_and_locked_when_sent(office: Any):
    office.stand.clock.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    draft = await office.draft()
    sent = await office.act(draft, "send")
    assert sent["invoiceNumber"] == "INV-2026-00001"
    assert (sent["status"], sent["isLocked"], sent["version"]) == ("SENT", True, 2)
    assert (sent["sentAt"], sent["lockAt"]) == ("2026-03-01T12:00:00Z", "2026-03-03T12:00:00Z")
    assert sent["lockedByUser"]["name"] == "Test Person"
    assert await office.told() == ["invoice.created", "invoice.sent", "invoice.locked"]
    assert await office.stand.actions(draft["id"]) == ["CREATE", "SEND"]


async def test_parties_are_fixed_at_sending(office: Any):
    sent = await office.sent()
    assert (sent["seller"]["legalName"], sent["seller"]["address"]["city"]) == ("Test Works GmbH", "Hamburg")
    assert (sent["buyer"]["legalName"], sent["buyer"]["email"]) == ("Buyer AG", "buyer@customer.example")
    office.sales.add_company(
        office.org_id, office.company.id, version=2, name="Renamed", legal_name="Renamed AG"
    )
    assert (await office.read(sent))["buyer"]["legalName"] == "Buyer AG"


async def test_fact_carries_the_address_for_the_mail(office: Any):
    await office.sent()
    nobody = office.sales.add_company(office.org_id)
    await office.sent(companyId=str(nobody.id))
    first, second = [fact.message for fact in await office.stand.facts("billing.invoice.sent.v1")]
    assert first.buyer_email == "buyer@customer.example"
    assert not second.HasField("buyer_email")
    assert (first.invoice.status, first.invoice.HasField("locked_at")) == ("SENT", True)


async def test_policy_leaves_sent_invoices_open(office: Any):
    await office.policies(lock_invoice_on_sent=False)
    sent = await office.sent()
    assert (sent["isLocked"], sent["lockedByUser"]) == (False, None)
    assert await office.told() == ["invoice.created", "invoice.sent"]


async def test_only_drafts_are_sent(office: Any):
    sent = await office.sent()
    refused = await office.act(sent, "send", status=409)
    assert refused["code"] == "ILLEGAL_TRANSITION"
    assert refused["details"] == {"from": "SENT", "to": "SENT", "allowed": ["PAID", "PARTIALLY_PAID", "VOID"]}
    assert (await office.told()).count("invoice.sent") == 1


async def test_nothing_is_not_invoiced(office: Any):
    free, empty = await office.draft(amount="0"), await office.draft(lines=[])
    for draft in (free, empty):
        assert (await office.act(draft, "send", status=409))["code"] == "NOTHING_TO_INVOICE"
    await office.policies(allow_zero_invoices=True)
    assert (await office.act(free, "send"))["status"] == "SENT"
    assert (await office.act(empty, "send", status=409))["code"] == "NOTHING_TO_INVOICE"


async def test_sales_away_sends_nothing(office: Any):
    draft = await office.draft()
    office.sales.is_away = True
    assert (await office.act(draft, "send", status=503))["code"] == "DEPENDENCY_UNAVAILABLE"
    assert (await office.read(draft)) == draft


async def test_buyer_that_changed_under_way_is_asked_again(office: Any):
    draft = await office.draft()
    async with office.stand.runtime.source.tx(system_actor(office.org_id)) as tx:
        for buyer in (None, Party(new_id(), "Somebody else")):
            with pytest.raises(Conflict):
                await send_invoice(tx, draft["id"], buyer)


async def numbers(office: Any) -> list[str]:
    page = (await office.http.get("/api/v1/invoices?pageSize=100&sortBy=invoiceNumber&sortDir=asc")).json()
    return [item["invoiceNumber"] for item in page["items"] if item["invoiceNumber"]]


async def test_parallel_sends_take_consecutive_numbers(office: Any):
    office.stand.clock.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    drafts = [await office.draft() for _ in range(50)]
    await asyncio.gather(*(office.act(draft, "send") for draft in drafts))
    assert await numbers(office) == [f"INV-2026-{number:05d}" for number in range(1, 51)]


async def test_sending_that_dies_midway_leaves_no_gap(office: Any):
    office.stand.clock.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    drafts = [await office.draft() for _ in range(20)]
    source = office.stand.runtime.source

    async def send_and_die(draft: dict[str, Any]) -> None:
        """The number is taken and everything is written, when the server side of the connection is killed."""
        async with source.tx(system_actor(office.org_id)) as tx:
            await send_invoice(tx, draft["id"], Party(office.company.id, "Buyer"))
            pid = await tx.session.scalar(text("SELECT pg_backend_pid()"))
            async with office.stand.runtime.system.session(None) as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    async def send(draft: dict[str, Any]) -> None:
        async with source.tx(system_actor(office.org_id)) as tx:
            await send_invoice(tx, draft["id"], Party(office.company.id, "Buyer"))

    died = await asyncio.gather(
        *(send_and_die(draft) if index % 4 == 0 else send(draft) for index, draft in enumerate(drafts)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Exception) for outcome in died) >= 5
    for draft in drafts:
        if (await office.read(draft))["status"] == "DRAFT":
            await office.act(draft, "send")
    assert await numbers(office) == [f"INV-2026-{number:05d}" for number in range(1, 21)]


async def test_same_draft_sent_twice_at_once_gets_one_number(office: Any):
    draft = await office.draft()
    path = f"/api/v1/invoices/{draft['id']}/send"
    answers = await office.at_once(draft, *(office.http.post(path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert len(await numbers(office)) == 1


async def test_each_year_counts_from_one(office: Any):
    for day, number in (
        ("2025-12-31", "INV-2025-00001"),
        ("2026-01-01", "INV-2026-00001"),
        ("2025-06-01", "INV-2025-00002"),
    ):
        assert (await office.sent(issueDate=day))["invoiceNumber"] == number


async def test_application_role_cannot_delete_invoices(office: Any):
    async with office.stand.runtime.source.database.session(office.org_id) as session:
        for table in ("invoice", "payment", "number_series"):
            allowed = await session.scalar(text(f"SELECT has_table_privilege('{table}', 'DELETE')"))
            assert not allowed, table
