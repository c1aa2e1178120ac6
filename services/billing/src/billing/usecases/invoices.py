"""What can be done with an invoice, except paying it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.copies import COMPANIES, FOLLOWERS, KnownOrganisation
from billing.domain.amounts import LineTerms, agreed_lines, price
from billing.domain.invoices import Invoice, Locking, Status
from billing.domain.numbers import INVOICES
from billing.domain.parties import Parties, Party, terms_days
from billing.published import (
    invoice_created,
    invoice_locked,
    invoice_paid,
    invoice_sent,
    invoice_unlocked,
    invoice_updated,
    invoice_voided,
)
from billing.store import invoices, numbering, references
from chassis.clock import business_day
from chassis.errors import BadRequest, Conflict
from chassis.ids import new_id
from chassis.money import Money
from chassis.tx import Fact, Tx

Tell = Callable[[Any], Fact]

NO_REASON = "not given"
REPRICED_BY = frozenset({"amount", "lines", "currency"})
REFERRING = frozenset({"company_id", "deal_id"})


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """A draft as a client wants it."""

    company_id: UUID
    due_date: date
    deal_id: UUID | None = None
    currency: str | None = None
    issue_date: date | None = None
    amount: Decimal | None = None
    lines: Sequence[LineTerms] | None = None
    reference: str | None = None
    notes: str | None = None
    won_deal_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WonDeal:
    """What a won deal says about its invoice."""

    id: UUID
    title: str
    company_id: UUID
    value: Money | None


async def create_invoice(tx: Tx, wanted: NewInvoice) -> Any:
    """Write a draft; dated today in the organisation's zone, or on the due date when that is earlier."""
    await FOLLOWERS.require_live(tx, COMPANIES, wanted.company_id)
    organisation = await _check_deal(tx, company_id=wanted.company_id, deal_id=wanted.deal_id)
    return await _add(tx, wanted, organisation)


async def draft_won_deal(tx: Tx, deal: WonDeal) -> None:
    """One draft for a won deal that has a value, when the organisation has the module and its policy wants it."""
    organisation = await references.organisation(tx.session, tx.actor.org_id)
    if not organisation.has("billing") or not organisation.policies.create_invoice_on_deal_won:
        return
    if deal.value is None or deal.value.minor <= 0:
        return
    if await invoices.is_drafted(tx.session, tx.actor.org_id, deal.id):
        return
    today = business_day(tx.now, organisation.time_zone)
    wanted = NewInvoice(
        company_id=deal.company_id,
        deal_id=deal.id,
        won_deal_id=deal.id,
        currency=deal.value.currency,
        issue_date=today,
        due_date=today + timedelta(days=terms_days(organisation.legal)),
        lines=[LineTerms(deal.title, Decimal(str(deal.value)))],
    )
    await _add(tx, wanted, organisation)


async def change_invoice(tx: Tx, invoice_id: UUID, changes: Mapping[str, Any]) -> Any:
    """Change what was sent, as far as the lock allows; an invoice already sent keeps its number."""
    invoice = await invoices.get(tx.session, tx.actor.org_id, invoice_id)
    tx.expect(invoice)
    invoice.check_changeable(changes)
    company_id = invoice.company_id
    for name, value in changes.items():
        if name not in REPRICED_BY:
            setattr(invoice, name, value)
    if REFERRING & changes.keys():
        if invoice.company_id != company_id:
            await FOLLOWERS.require_live(tx, COMPANIES, invoice.company_id)
        await _check_deal(tx, company_id=invoice.company_id, deal_id=invoice.deal_id)
    if REPRICED_BY & changes.keys():
        _reprice(invoice, changes)
    invoice.check_dates()
    if invoice.number is not None and changes.keys() - {"notes"}:
        organisation = await references.organisation(tx.session, tx.actor.org_id)
        invoice.check_billable(is_zero_allowed=organisation.policies.allow_zero_invoices)
        invoice.settle(tx.now, tx.actor)
    if not tx.record(invoice, "UPDATE"):
        return await shown(tx, invoice)
    told = [invoice_updated, *([invoice_paid] if invoice.paid_at == tx.now else [])]
    return await publish(tx, invoice, *told)


async def send_invoice(tx: Tx, invoice_id: UUID, buyer: Party | None) -> Any:
    """DRAFT to SENT: parties as they are now, lock by policy, and last the number, gapless."""
    invoice = await invoices.get(tx.session, tx.actor.org_id, invoice_id)
    tx.expect(invoice)
    organisation = await references.organisation(tx.session, tx.actor.org_id)
    invoice.check_sendable(is_zero_allowed=organisation.policies.allow_zero_invoices)
    if buyer is None or buyer.id != invoice.company_id:
        raise Conflict("The invoice was changed in this very moment; try again.")
    seller = Party.seller(organisation.id, organisation.name, organisation.legal)
    invoice.send(tx.now, tx.actor, Parties(seller, buyer), locking_of(organisation))
    invoice.number = await numbering.next_number(
        tx.session, tx.actor.org_id, series=INVOICES, period=invoice.issue_date.year
    )
    tx.record(invoice, "SEND")
    told = [invoice_sent, *([invoice_locked] if invoice.locked_at else [])]
    return await publish(tx, invoice, *told)


async def unlock_invoice(tx: Tx, invoice_id: UUID, reason: str | None) -> Any:
    """Lift the lock until the job locks it again at `lockAt`."""
    invoice = await invoices.get(tx.session, tx.actor.org_id, invoice_id)
    tx.expect(invoice)
    organisation = await references.organisation(tx.session, tx.actor.org_id)
    invoice.unlock(tx.now, reason or NO_REASON, locking_of(organisation))
    tx.record(invoice, "UNLOCK")
    return await publish(tx, invoice, invoice_unlocked)


async def lock_again(tx: Tx, invoice_id: UUID) -> None:
    """Lock an invoice whose time has come; nothing when it was locked or settled meanwhile."""
    invoice = await invoices.get(tx.session, tx.actor.org_id, invoice_id)
    if invoice.is_due_for_lock(tx.now):
        invoice.lock(tx.now, tx.actor)
        tx.record(invoice, "INVOICE_AUTO_LOCK")
        await publish(tx, invoice, invoice_locked)


async def void_invoice(tx: Tx, invoice_id: UUID, reason: str) -> Any:
    """DRAFT or SENT to VOID."""
    invoice = await invoices.get(tx.session, tx.actor.org_id, invoice_id)
    tx.expect(invoice)
    invoice.void(tx.now, tx.actor, reason)
    tx.record(invoice, "VOID")
    return await publish(tx, invoice, invoice_voided)


async def publish(tx: Tx, invoice: Invoice, *tell: Tell) -> Any:
    """Tell what happened to the invoice as it now is; the invoice as it is shown."""
    row = await shown(tx, invoice)
    for fact in tell:
        tx.publish(fact(row))
    return row


async def shown(tx: Tx, invoice: Invoice) -> Any:
    """The invoice as it is shown."""
    return await invoices.show(tx, tx.actor.org_id, invoice.id, tx.now)


def locking_of(organisation: KnownOrganisation) -> Locking:
    """The policies about locks."""
    policies = organisation.policies
    return Locking(
        is_locked_on_sent=policies.lock_invoice_on_sent,
        lock_after=timedelta(days=policies.auto_lock_invoice_after_days),
        is_kept_after_payment=policies.prevent_invoice_unlock_after_partial_payment,
    )


async def _add(tx: Tx, wanted: NewInvoice, organisation: KnownOrganisation) -> Any:
    currency = wanted.currency or organisation.currency
    today = business_day(tx.now, organisation.time_zone)
    invoice = Invoice(
        org_id=tx.actor.org_id,
        id=new_id(),
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        status=Status.DRAFT,
        reference=wanted.reference,
        company_id=wanted.company_id,
        deal_id=wanted.deal_id,
        won_deal_id=wanted.won_deal_id,
        issue_date=wanted.issue_date or min(today, wanted.due_date),
        due_date=wanted.due_date,
        notes=wanted.notes,
        paid_minor=0,
        created_by_user_id=tx.actor.id,
        created_by=tx.actor.snapshot(),
    )
    invoice.check_dates()
    invoice.reprice(price(agreed_lines(wanted.amount, wanted.lines, currency), currency))
    tx.add(invoice)
    tx.record(invoice, "CREATE")
    return await publish(tx, invoice, invoice_created)


def _reprice(invoice: Invoice, changes: Mapping[str, Any]) -> None:
    """Other lines, another currency, or both; lines that stay keep their decimal amounts in the new currency."""
    currency = changes.get("currency", invoice.currency)
    lines: Sequence[LineTerms] = [LineTerms.of_kept(line) for line in invoice.lines]
    if changes.keys() & {"amount", "lines"}:
        lines = agreed_lines(changes.get("amount"), changes.get("lines"), currency)
    invoice.reprice(price(lines, currency))


async def _check_deal(tx: Tx, *, company_id: UUID, deal_id: UUID | None) -> KnownOrganisation:
    """The organisation; BadRequest unless the deal, where there is one, is there and belongs to the company."""
    known = await references.find(tx.session, tx.actor.org_id, deal_id=deal_id)
    if deal_id is not None and known.deal_company_id is None:
        raise BadRequest("dealId is no deal of this organisation.", field="dealId")
    if deal_id is not None and known.deal_company_id != company_id:
        raise BadRequest("The deal belongs to another company.", field="dealId")
    return known.organisation
