"""Facts out: what sales tells others, one function for each event, from rows as the store shows them."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from chassis.tx import Fact
from execos.platform.v1.values_pb2 import Address, Money, Reference
from execos.sales.v1 import events_pb2 as events
from execos.sales.v1.snapshots_pb2 import CompanySnapshot, ContactSnapshot, DealSnapshot, LeadSnapshot
from sales.domain.notes import Note


def company_created(company: Any) -> Fact:
    """A company exists."""
    return Fact(events.CompanyCreated(company=company_snapshot(company)), company.id, company.version)


def company_updated(company: Any) -> Fact:
    """Something about the company changed."""
    return Fact(events.CompanyUpdated(company=company_snapshot(company)), company.id, company.version)


def company_archived(company: Any) -> Fact:
    """The company is no longer offered for new business."""
    return Fact(events.CompanyArchived(company=company_snapshot(company)), company.id, company.version)


def company_restored(company: Any) -> Fact:
    """An archived company is back."""
    return Fact(events.CompanyRestored(company=company_snapshot(company)), company.id, company.version)


def company_merged(survivor: Any, merged: Any, merge_id: UUID) -> Fact:
    """A company has taken in another one, which is no more."""
    message = events.CompanyMerged(
        company=company_snapshot(survivor), merge_id=str(merge_id), merged=company_snapshot(merged)
    )
    return Fact(message, survivor.id, survivor.version)


def company_merge_reverted(survivor: Any, merged: Any, merge_id: UUID) -> Fact:
    """The company that had gone into this one is back."""
    message = events.CompanyMergeReverted(
        company=company_snapshot(survivor), merge_id=str(merge_id), merged=company_snapshot(merged)
    )
    return Fact(message, survivor.id, survivor.version)


def duplicate_detected(company: Any, other: Any, score: int, reasons: Sequence[str]) -> Fact:
    """A company looks like another one."""
    message = events.DuplicateDetected(
        company=company_snapshot(company),
        other=Reference(id=str(other.id), name=other.name),
        score=score,
        reasons=reasons,
    )
    return Fact(message, company.id, company.version)


def contact_created(contact: Any) -> Fact:
    """A contact exists."""
    return Fact(events.ContactCreated(contact=contact_snapshot(contact)), contact.id, contact.version)


def contact_updated(contact: Any) -> Fact:
    """Something about the contact changed."""
    return Fact(events.ContactUpdated(contact=contact_snapshot(contact)), contact.id, contact.version)


def contact_archived(contact: Any) -> Fact:
    """The contact is no longer offered."""
    return Fact(events.ContactArchived(contact=contact_snapshot(contact)), contact.id, contact.version)


def contact_restored(contact: Any) -> Fact:
    """An archived contact is back."""
    return Fact(events.ContactRestored(contact=contact_snapshot(contact)), contact.id, contact.version)


def lead_created(lead: Any) -> Fact:
    """A lead exists."""
    return Fact(events.LeadCreated(lead=lead_snapshot(lead)), lead.id, lead.version)


def lead_updated(lead: Any) -> Fact:
    """Something other than the stage changed."""
    return Fact(events.LeadUpdated(lead=lead_snapshot(lead)), lead.id, lead.version)


def lead_qualified(lead: Any) -> Fact:
    """NEW became QUALIFIED."""
    return Fact(events.LeadQualified(lead=lead_snapshot(lead)), lead.id, lead.version)


def lead_disqualified(lead: Any) -> Fact:
    """The lead is not worth pursuing."""
    return Fact(events.LeadDisqualified(lead=lead_snapshot(lead)), lead.id, lead.version)


def lead_reopened(lead: Any) -> Fact:
    """A qualified or disqualified lead is NEW again."""
    return Fact(events.LeadReopened(lead=lead_snapshot(lead)), lead.id, lead.version)


def lead_converted(lead: Any) -> Fact:
    """The lead became a deal."""
    return Fact(events.LeadConverted(lead=lead_snapshot(lead)), lead.id, lead.version)


def lead_archived(lead: Any) -> Fact:
    """The lead is put away."""
    return Fact(events.LeadArchived(lead=lead_snapshot(lead)), lead.id, lead.version)


def lead_restored(lead: Any) -> Fact:
    """An archived lead is back."""
    return Fact(events.LeadRestored(lead=lead_snapshot(lead)), lead.id, lead.version)


def deal_created(deal: Any) -> Fact:
    """A deal exists."""
    return Fact(events.DealCreated(deal=deal_snapshot(deal)), deal.id, deal.version)


def deal_updated(deal: Any) -> Fact:
    """Something other than the stage changed."""
    return Fact(events.DealUpdated(deal=deal_snapshot(deal)), deal.id, deal.version)


def deal_won(deal: Any) -> Fact:
    """The deal is won."""
    return Fact(events.DealWon(deal=deal_snapshot(deal)), deal.id, deal.version)


def deal_lost(deal: Any) -> Fact:
    """The deal is lost."""
    return Fact(events.DealLost(deal=deal_snapshot(deal)), deal.id, deal.version)


def deal_reopened(deal: Any) -> Fact:
    """A won or lost deal is OPEN again."""
    return Fact(events.DealReopened(deal=deal_snapshot(deal)), deal.id, deal.version)


def deal_stage_moved(deal: Any, from_stage: str | None, seconds_in_stage: int) -> Fact:
    """The deal went on, or back, in its pipeline."""
    moved = events.DealStageMoved(
        deal=deal_snapshot(deal), from_stage=from_stage or "", seconds_in_stage=seconds_in_stage
    )
    return Fact(moved, deal.id, deal.version)


def deal_archived(deal: Any) -> Fact:
    """The deal is put away: it counts nowhere."""
    return Fact(events.DealArchived(deal=deal_snapshot(deal)), deal.id, deal.version)


def deal_restored(deal: Any) -> Fact:
    """An archived deal is back."""
    return Fact(events.DealRestored(deal=deal_snapshot(deal)), deal.id, deal.version)


def note_added(note: Any, title: str) -> Fact:
    """Somebody wrote a note; its text stays here."""
    message = events.NoteAdded(**_note(note, title), created_at=note.created_at)
    return Fact(message, note.id, note.version)


def note_updated(note: Any, title: str, *, already_mentioned: Collection[UUID]) -> Fact:
    """A note has another text; whom the one before mentioned is not told again."""
    new = [each for each in note.mentioned_user_ids if each not in already_mentioned]
    message = events.NoteUpdated(
        **_note(note, title),
        newly_mentioned_user_ids=[str(each) for each in new],
        updated_at=note.updated_at,
    )
    return Fact(message, note.id, note.version)


def note_deleted(note: Note) -> Fact:
    """A note is gone: one version after its last."""
    version = note.version + 1
    message = events.NoteDeleted(
        id=str(note.id), version=version, entity_type=note.about_type, entity_id=str(note.about_id)
    )
    return Fact(message, note.id, version)


def import_finished(run: Any) -> Fact:
    """An import has been applied, reverted, or has failed."""
    counters = run.counters
    message = events.ImportFinished(
        id=str(run.id),
        version=run.version,
        entity=run.entity,
        status=run.status,
        file_name=run.file_name,
        created=counters["create"],
        updated=counters["update"],
        skipped=counters["skip"],
        invalid=counters["invalid"],
        started_by_user_id=run.starter["id"] or "",
    )
    return Fact(message, run.id, run.version)


def company_snapshot(company: Any) -> CompanySnapshot:
    """A company as others may know it."""
    return CompanySnapshot(
        id=str(company.id),
        version=company.version,
        name=company.name,
        legal_name=company.legal_name,
        address=_address(company.address),
        vat_id=company.vat_id,
        email=company.email,
        owner_user_id=_text(company.owner_user_id),
        archived_at=company.archived_at,
        created_at=company.created_at,
        updated_at=company.updated_at,
        tags=company.tags,
        merged_into_id=_text(company.merged_into_id),
    )


def contact_snapshot(contact: Any) -> ContactSnapshot:
    """A contact as others may know it: without its addresses."""
    return ContactSnapshot(
        id=str(contact.id),
        version=contact.version,
        name=contact.name,
        company_id=_text(contact.company_id),
        owner_user_id=_text(contact.owner_user_id),
        archived_at=contact.archived_at,
        created_at=contact.created_at,
        updated_at=contact.updated_at,
        tags=contact.tags,
    )


def lead_snapshot(lead: Any) -> LeadSnapshot:
    """A lead as others may know it."""
    return LeadSnapshot(
        id=str(lead.id),
        version=lead.version,
        title=lead.title,
        stage=lead.stage,
        source=lead.source,
        company=_reference(lead.company),
        contact_id=_text(lead.contact_id),
        owner_user_id=_text(lead.owner_user_id),
        converted_deal_id=_text(lead.converted_deal_id),
        last_activity_at=lead.last_activity_at,
        created_at=lead.created_at,
        updated_at=lead.updated_at,
        category=lead.chosen_category,
        archived_at=lead.archived_at,
        tags=lead.tags,
        disqualified_reason=lead.disqualified_reason,
    )


def deal_snapshot(deal: Any) -> DealSnapshot:
    """A deal as others may know it."""
    has_value = deal.value_minor is not None
    return DealSnapshot(
        id=str(deal.id),
        version=deal.version,
        title=deal.title,
        stage=deal.stage,
        value=Money(minor=deal.value_minor, currency=deal.currency) if has_value else None,
        expected_close_date=deal.expected_close_date and deal.expected_close_date.isoformat(),
        company=_reference(deal.company),
        contact_id=_text(deal.contact_id),
        owner_user_id=_text(deal.owner_user_id),
        won_at=deal.won_at,
        won_reason=deal.won_reason,
        lost_at=deal.lost_at,
        lost_reason=deal.lost_reason,
        lead_id=_text(deal.lead_id),
        lead_created_at=deal.lead_created_at,
        last_activity_at=deal.last_activity_at,
        created_at=deal.created_at,
        updated_at=deal.updated_at,
        archived_at=deal.archived_at,
        tags=deal.tags,
        pipeline_id=_text(deal.pipeline_id),
        pipeline_stage=deal.pipeline_stage,
    )


def _address(lines: dict[str, Any] | None) -> Address | None:
    if lines is None:
        return None
    return Address(
        **{field.name: lines.get(field.camelcase_name) or "" for field in Address.DESCRIPTOR.fields}
    )


def _note(note: Any, title: str) -> dict[str, Any]:
    return {
        "id": str(note.id),
        "version": note.version,
        "entity_type": note.entity_type,
        "entity_id": str(note.entity_id),
        "entity_title": title,
        "author_user_id": _text(note.author["id"]),
        "mentioned_user_ids": [str(each) for each in note.mentioned_user_ids],
    }


def _reference(named: dict[str, Any] | None) -> Reference | None:
    return Reference(id=named["id"], name=named["name"]) if named else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
