"""Door of the CEO dashboard."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends

from chassis.auth import Actor
from chassis.guards import InReadTx, Requires
from chassis.http import router
from chassis.money import Money
from chassis.schema import Instant, Out, Person
from reporting.domain.kpis import amounts, kpis
from reporting.domain.permissions import Permission
from reporting.store.dashboard import Dashboard
from reporting.store.dashboard import read_dashboard as read

dashboard = router("dashboard")

MayRead = Annotated[Actor, Depends(Requires(Permission.DASHBOARD_READ))]


class CompanyOut(Out):
    """A company as embedded."""

    id: UUID
    name: str


class Kpis(Out):
    """Amounts in the organisation's currency; other currencies are in `byCurrency`."""

    currency: str
    open_deals_value: str
    overdue_work_count: int
    invoices_due_total: str
    invoices_overdue_total: str


class CurrencyKpis(Out):
    """The amounts of one currency, never summed with others."""

    currency: str
    open_deals_value: str
    invoices_due_total: str
    invoices_overdue_total: str


class OverdueItem(Out):
    """A work item that should have been done."""

    id: UUID
    title: str
    status: str
    priority: int
    due_date: date
    days_overdue: int
    assigned_to_user: Person | None
    company: CompanyOut | None


class OverdueInvoice(Out):
    """An invoice that should have been paid; `amount` is its gross, `balance` what is still owed."""

    id: UUID
    invoice_number: str | None
    status: str
    effective_status: str
    amount: str
    balance: str
    currency: str
    due_date: date
    days_overdue: int
    company: CompanyOut


class Bottlenecks(Out):
    """The ten that are overdue for longest."""

    overdue_work_items: list[OverdueItem]
    overdue_invoices: list[OverdueInvoice]


class TrendDay(Out):
    """A day as its snapshot kept it; `kpis` is null where none were kept."""

    date_key: str
    score: int
    kpis: Kpis | None


class DashboardOut(Out):
    """How things are, and how they were on each of the last thirty days that has a snapshot, oldest first."""

    kpis: Kpis
    by_currency: list[CurrencyKpis]
    bottlenecks: Bottlenecks
    trends: list[TrendDay]
    as_of: Instant


@dashboard.get("/dashboard/ceo", response_model=DashboardOut)
async def read_ceo(actor: MayRead, tx: InReadTx) -> Any:
    """Open deals, overdue work, invoices due within seven days and overdue ones, what holds things up, and trends."""
    return _shown(await read(tx, actor.org_id, tx.now))


def _shown(found: Dashboard) -> dict[str, Any]:
    frame, sums = found.figures
    by_currency = [amounts(*row) for row in sums]
    return {
        "kpis": kpis(frame.currency, by_currency, frame.overdue_work),
        "by_currency": by_currency,
        "bottlenecks": {
            "overdue_work_items": found.items,
            "overdue_invoices": [_invoice(row) for row in found.invoices],
        },
        "trends": [
            {"date_key": day.date_key.isoformat(), "score": day.score, "kpis": day.kpis} for day in found.days
        ],
        "as_of": frame.as_of,
    }


def _invoice(row: Any) -> dict[str, Any]:
    return {
        **row._asdict(),
        "effective_status": "OVERDUE",
        "amount": str(Money(row.gross_minor, row.currency)),
        "balance": str(Money(row.balance_minor, row.currency)),
    }
