"""From facts to rows of read models: a fact that carries a snapshot tells the state of that aggregate.

Found by the snapshot's type, so that a new fact of a known aggregate needs nothing here.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from clients.identity.copies import rules_of
from clients.identity.types import organisation_of
from execos.billing.v1.snapshots_pb2 import InvoiceSnapshot
from execos.identity.v1.snapshots_pb2 import MemberSnapshot, OrganisationSnapshot
from execos.sales.v1.snapshots_pb2 import CompanySnapshot, DealSnapshot
from execos.work.v1.snapshots_pb2 import ItemSnapshot
from reporting.domain.models import (
    KnownCompany,
    KnownDeal,
    KnownInvoice,
    KnownMember,
    KnownOrganisation,
    KnownWorkItem,
    Model,
)
from reporting.domain.rules import stored

Row = dict[str, Any]
Projection = tuple[type[Model], Callable[[Any], Row]]


def rows_of(org_id: UUID, event_id: UUID, message: Message) -> Iterator[tuple[type[Model], Row]]:
    """The rows that a fact tells, each with its model."""
    for field in message.DESCRIPTOR.fields:
        kind = field.message_type.full_name if field.message_type else ""
        if kind in PROJECTIONS and message.HasField(field.name):
            model, read = PROJECTIONS[kind]
            snapshot = getattr(message, field.name)
            known = {"org_id": org_id, "event_id": event_id, "version": snapshot.version}
            yield model, known | read(snapshot)


def organisation_row(organisation: OrganisationSnapshot) -> Row:
    """An organisation with the policies that reports go by."""
    return {
        "id": UUID(organisation.id),
        "name": organisation.name,
        "status": organisation.status,
        "time_zone": organisation.time_zone,
        "currency": organisation.currency,
        "overdue_after_days": organisation.policies.overdue_after_days,
        "stale_deal_after_days": organisation.policies.stale_deal_after_days,
        "audit_retention_days": organisation.policies.audit_retention_days,
        "rules": stored(rules_of(organisation_of(organisation))),
    }


def member_row(member: MemberSnapshot) -> Row:
    """A member by person."""
    return {
        "id": UUID(member.user_id),
        "name": member.name,
        "email": member.email,
        "role": member.role,
        "status": member.status,
    }


def company_row(company: CompanySnapshot) -> Row:
    """A company."""
    return {
        "id": UUID(company.id),
        "name": company.name,
        "archived_at": _instant(company, "archived_at"),
    }


def deal_row(deal: DealSnapshot) -> Row:
    """A deal."""
    has_value = deal.HasField("value")
    return {
        "id": UUID(deal.id),
        "title": deal.title,
        "stage": deal.stage,
        "value_minor": deal.value.minor if has_value else None,
        "currency": deal.value.currency if has_value else None,
        "expected_close_date": _day(deal.expected_close_date),
        "company_id": UUID(deal.company.id),
        "company_name": deal.company.name,
        "owner_user_id": _id(deal.owner_user_id),
        **_instants(deal, "won_at", "lost_at", "last_activity_at", "archived_at", "created_at", "updated_at"),
    }


def item_row(item: ItemSnapshot) -> Row:
    """A work item."""
    return {
        "id": UUID(item.id),
        "title": item.title,
        "kind": item.kind,
        "status": item.status,
        "priority": item.priority,
        "due_date": _day(item.due_date),
        "assigned_to_user_id": _id(item.assigned_to_user_id),
        "company_id": _id(item.company.id),
        "company_name": item.company.name or None,
        "deal_id": _id(item.deal.id),
        "deal_title": item.deal.name or None,
        **_instants(item, "completed_at", "created_at", "updated_at"),
    }


def invoice_row(invoice: InvoiceSnapshot) -> Row:
    """An invoice."""
    return {
        "id": UUID(invoice.id),
        "number": invoice.invoice_number or None,
        "status": invoice.status,
        "company_id": UUID(invoice.company.id),
        "company_name": invoice.company.name,
        "deal_id": _id(invoice.deal.id),
        "gross_minor": invoice.gross.minor,
        "balance_minor": invoice.balance.minor,
        "currency": invoice.gross.currency,
        "issue_date": _day(invoice.issue_date),
        "due_date": _day(invoice.due_date),
        **_instants(invoice, "sent_at", "paid_at", "locked_at", "created_at", "updated_at"),
    }


PROJECTIONS: dict[str, Projection] = {
    OrganisationSnapshot.DESCRIPTOR.full_name: (KnownOrganisation, organisation_row),
    MemberSnapshot.DESCRIPTOR.full_name: (KnownMember, member_row),
    CompanySnapshot.DESCRIPTOR.full_name: (KnownCompany, company_row),
    DealSnapshot.DESCRIPTOR.full_name: (KnownDeal, deal_row),
    ItemSnapshot.DESCRIPTOR.full_name: (KnownWorkItem, item_row),
    InvoiceSnapshot.DESCRIPTOR.full_name: (KnownInvoice, invoice_row),
}


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _instant(message: Any, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    instant: datetime = getattr(message, name).ToDatetime(tzinfo=UTC)
    return instant


def _instants(message: Any, *names: str) -> Row:
    return {name: _instant(message, name) for name in names}
