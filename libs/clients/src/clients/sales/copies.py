"""How another service keeps its copy of companies and deals: columns, facts, and how a gap is filled.

A service declares `class KnownCompany(Row, CompanyCopy): __tablename__ = "known_company"` and puts
`company_facts(Replica(KnownCompany))` into its handlers.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.inbox import Handlers, Received
from chassis.replica import Copy, Replica
from chassis.rows import Instant
from chassis.tx import Source, Tx
from clients.sales.client import Sales
from clients.sales.types import Deal, company_of, deal_of

COMPANY_FACTS = ("created", "updated", "archived", "restored")
DEAL_FACTS = ("created", "updated", "stage_moved", "won", "lost", "reopened", "archived", "restored")


class CompanyCopy(Copy):
    """Columns of a copy of companies."""

    name: Mapped[str] = mapped_column(String(255))
    legal_name: Mapped[str | None] = mapped_column(String(255))
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    vat_id: Mapped[str | None] = mapped_column(String(32))
    email: Mapped[str | None] = mapped_column(String(255))
    owner_user_id: Mapped[UUID | None]
    archived_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class DealCopy(Copy):
    """Columns of a copy of deals; `value_minor` and `currency` are both null without a value."""

    title: Mapped[str] = mapped_column(String(255))
    stage: Mapped[str] = mapped_column(String(16))
    value_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    expected_close_date: Mapped[date | None]
    company_id: Mapped[UUID]
    company_name: Mapped[str] = mapped_column(String(255))
    contact_id: Mapped[UUID | None]
    owner_user_id: Mapped[UUID | None]
    won_at: Mapped[datetime | None] = mapped_column(Instant)
    lost_at: Mapped[datetime | None] = mapped_column(Instant)
    lost_reason: Mapped[str | None] = mapped_column(String(1000))
    lead_id: Mapped[UUID | None]
    lead_created_at: Mapped[datetime | None] = mapped_column(Instant)
    last_activity_at: Mapped[datetime] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


def company_facts(companies: Replica[Any]) -> Handlers:
    """Handlers that keep a copy of companies."""

    async def on_company(tx: Tx, fact: Received) -> None:
        row = asdict(company_of(fact.org_id, fact.message.company))
        await companies.keep(tx.session, [row], tx.now)

    return {f"sales.company.{name}.v1": on_company for name in COMPANY_FACTS}


def deal_facts(deals: Replica[Any]) -> Handlers:
    """Handlers that keep a copy of deals."""

    async def on_deal(tx: Tx, fact: Received) -> None:
        row = deal_row(deal_of(fact.org_id, fact.message.deal))
        await deals.keep(tx.session, [row], tx.now)

    return {f"sales.deal.{name}.v1": on_deal for name in DEAL_FACTS}


def deal_row(deal: Deal) -> dict[str, Any]:
    """A deal as a row of a copy."""
    row = asdict(deal)
    del row["value"]
    value = deal.value
    return row | {"value_minor": value and value.minor, "currency": value and value.currency}


async def ensure_companies(
    companies: Replica[Any], source: Source, sales: Sales, org_id: UUID, company_ids: list[UUID | None]
) -> None:
    """At a door, before the transaction: know these companies, asking sales for those that are missing.

    And for those that are archived here: they may just have been restored.
    """

    async def ask(org_id: UUID, missing: Any) -> list[Mapping[str, Any]]:
        return [asdict(company) for company in await sales.companies(org_id, missing)]

    await companies.ensure(source, org_id, company_ids, ask, companies.row.archived_at.is_(None))


async def ensure_deals(
    deals: Replica[Any], source: Source, sales: Sales, org_id: UUID, deal_ids: list[UUID | None]
) -> None:
    """At a door, before the transaction: know these deals, asking sales for those that are missing."""

    async def ask(org_id: UUID, missing: Any) -> list[Mapping[str, Any]]:
        return [deal_row(deal) for deal in await sales.deals(org_id, missing)]

    await deals.ensure(source, org_id, deal_ids, ask)
