"""Two companies become one, and two again (spec/sales.md, Duplicates)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.tx import Fact, Tx
from sales.domain.companies import Company
from sales.domain.finding import EntityType, MergeLog
from sales.domain.merging import (
    MergeOutlived,
    MergeReverted,
    check_mergeable,
    give_back,
    taken,
    united,
)
from sales.published import (
    company_archived,
    company_merge_reverted,
    company_merged,
    company_restored,
    company_updated,
    contact_updated,
    deal_updated,
    lead_updated,
)
from sales.store import companies, contacts, deals, leads, merges, views
from sales.usecases.duplicates import detect_duplicates
from sales.usecases.finding import index_rows, rename_company

MERGED, REVERTED = "MERGE", "REVERT_MERGE"
NOTES, VIEWS = "note", "view"

Moved = Mapping[EntityType, Sequence[Any]]


async def preview_merge(
    tx: Tx, survivor_id: UUID, merged_id: UUID, choices: Mapping[str, str]
) -> dict[str, Any]:
    """What would become of the two companies, and how much would move; nothing is written."""
    org_id = tx.actor.org_id
    survivor, merged = await merges.lock_both(tx.session, org_id, survivor_id, merged_id)
    check_mergeable(survivor, merged)
    rows = {row.id: row for row in await companies.show_each(tx, org_id, [survivor_id, merged_id])}
    shown = rows[survivor_id]._asdict() | united(survivor, merged, choices)
    owners = {row.owner_user_id: row.owner for row in rows.values()}
    counts = await merges.count_owned(tx, org_id, merged_id)
    return {
        "survivor": shown | {"owner": owners[shown["owner_user_id"]]},
        "moves": counts._asdict(),
    }


async def merge_companies(
    tx: Tx, survivor_id: UUID, merged_id: UUID, choices: Mapping[str, str]
) -> dict[str, Any]:
    """One company takes in another one and all that belongs to it; NotMergeable unless both are live."""
    org_id = tx.actor.org_id
    survivor, merged = await merges.lock_both(tx.session, org_id, survivor_id, merged_id)
    tx.expect(survivor)
    check_mergeable(survivor, merged)
    owned = {kind: await merges.lock_owned(tx.session, kind, org_id, merged_id) for kind in merges.OWNED}
    before, lost = taken(survivor), taken(merged)
    times = {str(company.id): company.updated_at.isoformat() for company in (survivor, merged)}
    values = united(survivor, merged, choices)
    merged.archive(tx.now)
    merged.merged_into_id = survivor_id
    tx.record(merged, MERGED)
    await tx.flush()  # its name is free before the survivor may take it
    _set(survivor, values)
    tx.record(survivor, MERGED)
    _move(tx, owned, survivor_id)
    notes = await merges.move_notes(tx.session, org_id, merged_id, survivor_id)
    seen = await views.move_to_company(tx.session, org_id, merged_id, survivor_id)
    log = MergeLog(
        org_id=org_id,
        id=new_id(),
        survivor_id=survivor_id,
        merged_id=merged_id,
        actor=tx.actor.snapshot(),
        snapshot={"before": before, "after": taken(survivor), "merged": lost, "updated_at": times},
        moved={kind.value: [str(row.id) for row in rows] for kind, rows in owned.items()}
        | {NOTES: [str(each) for each in notes], VIEWS: [str(each) for each in seen]},
        merged_at=tx.now,
    )
    tx.add(log)
    shown = await _show(tx, survivor, merged)
    for told in (
        company_merged(shown[survivor_id], shown[merged_id], log.id),
        company_updated(shown[survivor_id]),
        company_archived(shown[merged_id]),
    ):
        tx.publish(told)
    await _follow(tx, shown, owned, is_renamed=before["name"] != survivor.name, survivor_id=survivor_id)
    return {"merge_id": log.id, "survivor": shown[survivor_id]}


async def revert_merge(tx: Tx, merge_id: UUID) -> dict[str, Any]:
    """Both companies as they were, with all that is still where the merge has put it; MergeReverted the second time.

    What has been changed since stays changed. MergeOutlived when one of the two has gone into a third one since.
    """
    org_id = tx.actor.org_id
    log = await merges.lock_log(tx.session, org_id, merge_id)
    if log.reverted_at is not None:
        raise MergeReverted("The merge has been undone already.")
    survivor, merged = await merges.lock_both(tx.session, org_id, log.survivor_id, log.merged_id)
    tx.expect(survivor)
    if merged.merged_into_id != survivor.id or survivor.merged_into_id is not None:
        raise MergeOutlived("One of the companies has gone into another one since; undo that first.")
    owned = {
        kind: await merges.lock_owned(tx.session, kind, org_id, survivor.id, _ids(log.moved[kind]))
        for kind in merges.OWNED
    }
    name = survivor.name
    _set(survivor, _as_columns(give_back(survivor, log.snapshot["before"], log.snapshot["after"])))
    _record_undone(tx, survivor, log)
    await tx.flush()  # the name is free before its owner takes it back
    merged.restore()
    merged.merged_into_id = None
    _record_undone(tx, merged, log)
    _move(tx, owned, merged.id)
    await merges.move_notes(tx.session, org_id, survivor.id, merged.id, _ids(log.moved[NOTES]))
    seen = _ids(log.moved.get(VIEWS, []))
    await views.move_to_company(tx.session, org_id, survivor.id, merged.id, seen)
    log.reverted_at = tx.now
    shown = await _show(tx, survivor, merged)
    for told in (
        company_merge_reverted(shown[survivor.id], shown[merged.id], log.id),
        company_updated(shown[survivor.id]),
        company_restored(shown[merged.id]),
    ):
        tx.publish(told)
    await _follow(tx, shown, owned, is_renamed=name != survivor.name, survivor_id=survivor.id)
    await detect_duplicates(tx, shown[merged.id])
    return {"merge_id": log.id, "survivor": shown[survivor.id], "merged": shown[merged.id]}


def _set(company: Company, values: Mapping[str, Any]) -> None:
    """These values as they are: fields of an organisation's own are the whole of them, not changes to them."""
    for name, value in values.items():
        setattr(company, name, value)


def _move(tx: Tx, owned: Moved, company_id: UUID) -> None:
    """Rows belong to another company: a new version, but nothing that has happened to them."""
    for rows in owned.values():
        for row in rows:
            updated_at = row.updated_at
            row.company_id = company_id
            tx.record(row, "UPDATE")
            row.updated_at = updated_at


def _record_undone(tx: Tx, company: Company, log: MergeLog) -> None:
    """A new version; but what nobody has changed since the merge was last changed when it was before that."""
    is_as_merged = company.updated_at == log.merged_at
    tx.record(company, REVERTED)
    before = log.snapshot.get("updated_at", {}).get(str(company.id))
    if is_as_merged and before:
        company.updated_at = datetime.fromisoformat(before)


async def _show(tx: Tx, *both: Company) -> dict[UUID, Any]:
    return {row.id: row for row in await _companies(tx, [company.id for company in both])}


async def _follow(
    tx: Tx, shown: Mapping[UUID, Any], owned: Moved, *, is_renamed: bool, survivor_id: UUID
) -> None:
    """Tell what has moved, and let everything be found as it is now."""
    for kind, rows in owned.items():
        ids = [row.id for row in rows]
        if not ids:
            continue
        moved = await SHOW_EACH[kind](tx, ids)
        for row in moved:
            tx.publish(_UPDATED[kind](row))
        await index_rows(tx, kind, moved)
    await index_rows(tx, EntityType.COMPANY, list(shown.values()))
    if is_renamed:
        await rename_company(tx, shown[survivor_id])
    await detect_duplicates(tx, shown[survivor_id])


async def _companies(tx: Tx, ids: list[UUID]) -> Sequence[Any]:
    return await companies.show_each(tx, tx.actor.org_id, ids)


async def _contacts(tx: Tx, ids: list[UUID]) -> Sequence[Any]:
    return await contacts.show_each(tx, tx.actor.org_id, ids)


async def _leads(tx: Tx, ids: list[UUID]) -> Sequence[Any]:
    return await leads.show_each(tx, tx.actor.org_id, ids, now=tx.now)


async def _deals(tx: Tx, ids: list[UUID]) -> Sequence[Any]:
    return await deals.show_each(tx, tx.actor.org_id, ids, now=tx.now)


def _ids(texts: Sequence[str]) -> list[UUID]:
    return [UUID(text) for text in texts]


def _as_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    owner = values.get("owner_user_id")
    return {**values, "owner_user_id": UUID(owner)} if owner else dict(values)


SHOW_EACH: Mapping[EntityType, Callable[[Tx, list[UUID]], Awaitable[Sequence[Any]]]] = {
    EntityType.COMPANY: _companies,
    EntityType.CONTACT: _contacts,
    EntityType.LEAD: _leads,
    EntityType.DEAL: _deals,
}
_UPDATED: Mapping[EntityType, Callable[[Any], Fact]] = {
    EntityType.CONTACT: contact_updated,
    EntityType.LEAD: lead_updated,
    EntityType.DEAL: deal_updated,
}
