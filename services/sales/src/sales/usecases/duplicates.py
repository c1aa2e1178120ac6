"""Companies that look alike are noticed when one is written; nobody merges them but a person (spec/sales.md)."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.tx import Reading, Tx
from sales.domain.likeness import MIN_SCORE, Key, country_of, keys_of, likeness
from sales.jobs import COMPARE_AGAIN, JOBS
from sales.published import duplicate_detected
from sales.store import companies, duplicates

COMPARED = ("name", "email", "phone", "website", "address", "vat_id", "archived_at")
"""The fields by which a company is compared; what else changes makes it no other."""
MAX_PAIRS = 20
"""Pairs that are kept of one company, the most alike."""


async def detect_duplicates(tx: Tx, company: Any) -> None:
    """Find the companies that this one, as the store shows it now, looks like; each pair is told once.

    One that is archived is nobody's duplicate. One that is being written at the same time is not seen yet: whoever
    was not alone looks again when both are there.
    """
    if company.archived_at is not None:
        return
    keys = await _keys(tx, company)
    if company.version == 1 and not keys:
        return  # new, and nothing is known that others could share
    if not await duplicates.is_alone(tx, tx.actor.org_id):
        await JOBS.defer(tx, COMPARE_AGAIN, company_id=str(company.id))
    await _compare(tx, company, keys)


async def compare_again(tx: Tx, company_ids: list[UUID]) -> None:
    """Look again, once those who were writing companies at the same time have finished."""
    org_id = tx.actor.org_id
    await duplicates.wait_until_alone(tx, org_id)
    for company in await companies.show_each(tx, org_id, company_ids):
        if company.archived_at is None:
            await _compare(tx, company, await _keys(tx, company))


async def _compare(tx: Tx, company: Any, keys: Collection[Key]) -> None:
    org_id = tx.actor.org_id
    others = await duplicates.keep_keys(tx, org_id, company.id, keys)
    alike = [(other, likeness(company, other, other.kinds)) for other in others]
    found = sorted(
        ((other, how) for other, how in alike if how.score >= MIN_SCORE),
        key=lambda each: each[1].score,
        reverse=True,
    )[:MAX_PAIRS]
    if not found and company.version == 1:
        return
    pairs = [
        {
            "id": new_id(),
            "a_id": min(company.id, other.id),
            "b_id": max(company.id, other.id),
            **how._asdict(),
        }
        for other, how in found
    ]
    new = {
        row.a_id if row.b_id == company.id else row.b_id
        for row in await duplicates.keep_pairs(tx, org_id, company.id, pairs, now=tx.now)
    }
    for other, how in found:
        if other.id in new:
            tx.publish(duplicate_detected(company, other, how.score, how.reasons))


async def list_duplicates(reading: Reading, query: PageQuery, min_score: int) -> PageRows | CursorRows:
    """One page of pairs, each with both companies as they are shown; two statements."""
    org_id = reading.actor.org_id
    page = await duplicates.list_pairs(reading, org_id, query, min_score)
    wanted = {company_id for pair in page.items for company_id in (pair.a_id, pair.b_id)}
    known = {row.id: row for row in await companies.show_each(reading, org_id, sorted(wanted))}
    shown = [
        {
            "a": known[pair.a_id],
            "b": known[pair.b_id],
            "score": pair.score,
            "reasons": pair.reasons,
            "detected_at": pair.detected_at,
        }
        for pair in page.items
    ]
    return replace(page, items=shown)


async def _keys(tx: Tx, company: Any) -> Collection[Key]:
    """The keys; the organisation's country is asked for where only that can say which number a phone is."""
    is_needed = company.phone and not company.phone.startswith("+") and country_of(company) is None
    return keys_of(company, await duplicates.home_country(tx, tx.actor.org_id) if is_needed else None)
