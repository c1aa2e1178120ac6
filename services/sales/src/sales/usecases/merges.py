"""Two companies become one, and two again (spec/sales.md, Duplicates)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.tx import Fact, Tx
from sales.domain.bulk import AT_A_TIME, LARGE
from sales.domain.companies import Company
from sales.domain.finding import EntityType, MergeLog
from sales.domain.merging import (
    MergeOutlived,
    MergeReverted,
    check_mergeable,
    check_size,
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
SLICE = 500
"""Rows that move, and are told and found as they are now, with one statement each."""


async def preview_merge(
    tx: Tx, survivor_id: UUID, merged_id: UUID, choices: Mapping[str, str]
) -> dict[str, Any]:
    """What would become of the two companies, and how much would move; nothing is locked or written.

    It is refused for what the merge itself would be refused for.
    """
    survivor, merged = await merges.show_both(tx, tx.actor.org_id, survivor_id, merged_id)
    check_mergeable(survivor, merged)
    moves = await _moves(tx, merged_id)
    shown = survivor._asdict() | united(survivor, merged, choices)
    owners = {row.owner_user_id: row.owner for row in (survivor, merged)}
    return {"survivor": shown | {"owner": owners[shown["owner_user_id"]]}, "moves": moves}


async def merge_companies(
    tx: Tx, survivor_id: UUID, merged_id: UUID, choices: Mapping[str, str]
) -> dict[str, Any]:
    """One company takes in another one and all that belongs to it.

    NotMergeable unless both are live; MergeTooLarge, before anything is locked, when too much belongs to it.
    """
    org_id = tx.actor.org_id
    await _moves(tx, merged_id)
    survivor, merged = await merges.lock_both(tx.session, org_id, survivor_id, merged_id)
    tx.expect(survivor)
    check_mergeable(survivor, merged)
    before, lost = taken(survivor), taken(merged)
    times = {str(company.id): company.updated_at.isoformat() for company in (survivor, merged)}
    values = united(survivor, merged, choices)
    merged.archive(tx.now)
    merged.merged_into_id = survivor_id
    tx.record(merged, MERGED)
    await tx.flush()  # its name is free before the survivor may take it
    _set(survivor, values)
    tx.record(survivor, MERGED)
    shown, merge_id = await _show(tx, survivor, merged), new_id()
    tx.publish(company_merged(shown[survivor_id], shown[merged_id], merge_id))
    tx.publish(company_updated(shown[survivor_id]))
    tx.publish(company_archived(shown[merged_id]))
    moved = await _move(tx, merged_id, survivor_id)
    log = MergeLog(
        org_id=org_id,
        id=merge_id,
        survivor_id=survivor_id,
        merged_id=merged_id,
        actor=tx.actor.snapshot(),
        snapshot={"before": before, "after": taken(survivor), "merged": lost, "updated_at": times},
        moved=moved,
        merged_at=tx.now,
    )
    tx.add(log)
    await _follow(tx, shown, survivor_id, is_renamed=before["name"] != survivor.name)
    return {"merge_id": merge_id, "survivor": shown[survivor_id]}


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
    name = survivor.name
    _set(survivor, _as_columns(give_back(survivor, log.snapshot["before"], log.snapshot["after"])))
    _record_undone(tx, survivor, log)
    await tx.flush()  # the name is free before its owner takes it back
    merged.restore()
    merged.merged_into_id = None
    _record_undone(tx, merged, log)
    log.reverted_at = tx.now
    shown = await _show(tx, survivor, merged)
    tx.publish(company_merge_reverted(shown[survivor.id], shown[merged.id], log.id))
    tx.publish(company_updated(shown[survivor.id]))
    tx.publish(company_restored(shown[merged.id]))
    await _move(tx, survivor.id, merged.id, {VIEWS: [], **log.moved})
    await _follow(tx, shown, survivor.id, is_renamed=name != survivor.name)
    await detect_duplicates(tx, shown[merged.id])
    return {"merge_id": log.id, "survivor": shown[survivor.id], "merged": shown[merged.id]}


async def _moves(tx: Tx, merged_id: UUID) -> dict[str, int]:
    """How much belongs to the company, by kind; MergeTooLarge when that is more than one merge moves."""
    moves: dict[str, int] = (await merges.count_owned(tx, tx.actor.org_id, merged_id))._asdict()
    check_size(moves)
    return moves


def _set(company: Company, values: Mapping[str, Any]) -> None:
    """These values as they are: fields of an organisation's own are the whole of them, not changes to them."""
    for name, value in values.items():
        setattr(company, name, value)


async def _move(
    tx: Tx, from_id: UUID, to_id: UUID, only: Mapping[str, Sequence[str]] | None = None
) -> dict[str, list[str]]:
    """What belongs to a company, `only` these ids by kind where they are given, goes to another one; which has gone.

    What many rows have to tell lets everybody else's facts go first (docs/decisions/0026).
    """
    org_id = tx.actor.org_id
    ids = {kind: [UUID(each) for each in texts] for kind, texts in (only or {}).items()}
    for kind in merges.OWNED if only is None else ():
        ids[kind] = await merges.list_owned(tx, kind, org_id, from_id)
    moved: dict[str, Sequence[UUID]] = {}
    tx.is_bulk = sum(len(ids[kind]) for kind in merges.OWNED) > LARGE
    for kind in merges.OWNED:
        moved[kind.value] = await _move_rows(tx, kind, ids[kind], from_id=from_id, to_id=to_id)
    tx.is_bulk = False
    moved[NOTES] = await merges.move_notes(tx.session, org_id, from_id, to_id, ids.get(NOTES))
    moved[VIEWS] = await views.move_to_company(tx.session, org_id, from_id, to_id, ids.get(VIEWS))
    return {kind: [str(each) for each in gone] for kind, gone in moved.items()}


async def _move_rows(
    tx: Tx, kind: EntityType, ids: Sequence[UUID], *, from_id: UUID, to_id: UUID
) -> list[UUID]:
    """Those of these rows that are still the company's, slice by slice: each is told and found as it is then.

    A new version, but nothing that has happened to them: they were last changed when they were before.
    """
    before, after = {"companyId": str(from_id)}, {"companyId": str(to_id)}
    moved: list[UUID] = []
    for start in range(0, len(ids), SLICE):
        some = ids[start : start + SLICE]
        gone = await merges.move_owned(tx, kind, tx.actor.org_id, some, from_id=from_id, to_id=to_id)
        rows = await SHOW_EACH[kind](tx, gone)
        for place, row in enumerate(rows):
            tx.note(merges.OWNED[kind](id=row.id, version=row.version), "UPDATE", after, before)
            tx.publish(_UPDATED[kind](row))
            if place % AT_A_TIME == AT_A_TIME - 1:
                await asyncio.sleep(0)
        await index_rows(tx, kind, rows)
        moved += gone
    return moved


def _record_undone(tx: Tx, company: Company, log: MergeLog) -> None:
    """A new version; but what nobody has changed since the merge was last changed when it was before that."""
    is_as_merged = company.updated_at == log.merged_at
    tx.record(company, REVERTED)
    before = log.snapshot.get("updated_at", {}).get(str(company.id))
    if is_as_merged and before:
        company.updated_at = datetime.fromisoformat(before)


async def _show(tx: Tx, *both: Company) -> dict[UUID, Any]:
    return {row.id: row for row in await _companies(tx, [company.id for company in both])}


async def _follow(tx: Tx, shown: Mapping[UUID, Any], survivor_id: UUID, *, is_renamed: bool) -> None:
    """Let both companies be found as they are now, and what belongs to the survivor by its name."""
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
