"""How another service lets its rows follow companies that sales has merged, and lets them go back when that is undone.

A service declares `class KnownMerge(Row, MergeCopy)` and `class CompanyMove(Row, MoveCopy)`, and puts
`merge_facts(COMPANIES, FOLLOWERS, tell)` into its handlers. Where a row is follows from the company that somebody chose
for it and from all merges that are known, so the order in which facts arrive does not matter.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import BadRequest
from chassis.inbox import Handlers, Received
from chassis.replica import Replica
from chassis.tx import Tx
from clients.sales.types import company_of

MERGED, REVERTED = "sales.company.merged.v1", "sales.company.merge_reverted.v1"
_LOCK = func.hashtext("sales.merges")
_BEGINNING = UUID(int=0)

Tell = Callable[[Tx, Sequence[Any]], Awaitable[None]]


class MergeCopy:
    """Columns of a merge: one company went into another one. Ids are in the order of time."""

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    merged_id: Mapped[UUID]
    survivor_id: Mapped[UUID]
    is_reverted: Mapped[bool]


class MoveCopy:
    """Columns of what merges did to a row: the company that was chosen for it, and the one it was brought to.

    Void once somebody has chosen another company for the row since.
    """

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    row_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_id: Mapped[UUID]
    to_id: Mapped[UUID]


def place_of(company_id: UUID, merges: Iterable[Any]) -> UUID:
    """The company that a company has gone into, by merges in force; itself when it has not.

    What takes a company in is live then: of two ways out the newer one counts, and an older one than that by which we
    came is a merge whose undoing has not been heard of yet.
    """
    ways = {merge.merged_id: merge for merge in sorted(merges, key=lambda merge: merge.id)}
    came_by = _BEGINNING
    while (way := ways.get(company_id)) is not None and way.id > came_by:
        company_id, came_by = way.survivor_id, way.id
    return company_id


class Followers:
    """The rows of one kind that go with their companies, those for which `where` holds."""

    def __init__(
        self, row: type[Any], merge: type[Any], move: type[Any], *where: ColumnElement[bool]
    ) -> None:
        self._row, self._merge, self._move, self._where = row, merge, move, where
        said = insert(merge)
        self._keep = said.on_conflict_do_update(
            index_elements=["org_id", "id"],
            set_={"is_reverted": or_(merge.is_reverted, said.excluded.is_reverted)},
        )
        moved = insert(move)
        self._note = moved.on_conflict_do_update(
            index_elements=["org_id", "row_id"],
            set_={"from_id": moved.excluded.from_id, "to_id": moved.excluded.to_id},
        )

    async def follow(self, tx: Tx, fact: Received) -> Sequence[Any]:
        """The rows that moved by a merge or its undoing, as they are now: recorded, to be told by the caller."""
        org_id, message = tx.actor.org_id, fact.message
        merged_id = UUID(message.merged.id)
        # One at a time, or two merges of a chain would not see each other's rows.
        await tx.session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(str(org_id)))))
        place = place_of(merged_id, await self._ways(tx, [merged_id]))
        merge = {
            "org_id": org_id,
            "id": UUID(message.merge_id),
            "merged_id": merged_id,
            "survivor_id": UUID(message.company.id),
            "is_reverted": fact.type == REVERTED,
        }
        await tx.session.execute(self._keep, merge)
        return await self._settle(tx, merged_id, place)

    async def catch_up(self, tx: Tx, company_id: UUID) -> Sequence[Any]:
        """The same for rows that were written in this transaction by an older fact than that of the merge."""
        lock = func.pg_advisory_xact_lock_shared(_LOCK, func.hashtext(str(tx.actor.org_id)))
        await tx.session.execute(select(lock))
        is_merged = await self._ways(tx, [company_id])
        return await self._settle(tx, company_id, company_id) if is_merged else ()

    async def require_live(self, tx: Tx, companies: Replica[Any], company_id: UUID) -> None:
        """BadRequest unless the company is known here and live; it names the one that a merged company has gone into.

        The copy is held: a merge that is heard of meanwhile waits, so that it finds the row that is being written.
        """
        copy, org_id = companies.row, tx.actor.org_id
        wanted = select(copy.archived_at).where(copy.org_id == org_id, copy.id == company_id)
        known = (await tx.session.execute(wanted.with_for_update(read=True))).one_or_none()
        if known is None:
            raise BadRequest("companyId is no company of this organisation.", field="companyId")
        if known.archived_at is None:
            return
        place = place_of(company_id, await self._ways(tx, [company_id]))
        if place != company_id:
            raise BadRequest(
                "The company has been merged into another one.", field="companyId", mergedIntoId=str(place)
            )
        raise BadRequest("The company is archived.", field="companyId")

    async def _settle(self, tx: Tx, company_id: UUID, place: UUID) -> Sequence[Any]:
        """Bring rows to where they belong: those of a company, and those that merges have brought to a place."""
        rows = await self._rows(tx, company_id, place)
        ways = await self._ways(tx, {chosen for _, chosen in rows})
        moves = [
            (row, {"org_id": row.org_id, "row_id": row.id, "from_id": chosen, "to_id": goal})
            for row, chosen in rows
            if (goal := place_of(chosen, ways)) != row.company_id
        ]
        for row, move in moves:
            updated_at = row.updated_at
            row.company_id = move["to_id"]
            tx.record(row, "UPDATE")
            row.updated_at = updated_at  # as in sales: a merge is nothing that has happened to it
        if moves:
            await tx.session.execute(self._note, [move for _, move in moves])
        return [row for row, _ in moves]

    async def _rows(self, tx: Tx, company_id: UUID, place: UUID) -> Sequence[tuple[Any, UUID]]:
        """Rows to be changed, each with the company that was chosen for it."""
        row, move = self._row, self._move
        is_move = and_(move.org_id == row.org_id, move.row_id == row.id, move.to_id == row.company_id)
        wanted = (
            select(row, func.coalesce(move.from_id, row.company_id))
            .outerjoin(move, is_move)
            .where(row.org_id == tx.actor.org_id, row.company_id.in_({company_id, place}), *self._where)
            .where(or_(row.company_id == company_id, move.row_id.is_not(None)))
        )
        await tx.flush()
        found = await tx.session.execute(wanted.order_by(row.id).with_for_update(of=row))
        return [(each, chosen) for each, chosen in found]

    async def _ways(self, tx: Tx, company_ids: Collection[UUID]) -> Sequence[Any]:
        """The merges in force that lead on from these companies, step by step."""
        merge, org_id = self._merge, tx.actor.org_id
        columns = (merge.id, merge.merged_id, merge.survivor_id)
        is_in_force = and_(merge.org_id == org_id, ~merge.is_reverted)
        first = bindparam("first", list(company_ids), type_=ARRAY(Uuid))
        way = (
            select(*columns).where(is_in_force, merge.merged_id == func.any(first)).cte("way", recursive=True)
        )
        onward = select(*columns).join(way, way.c.survivor_id == merge.merged_id).where(is_in_force)
        return (await tx.session.execute(select(way.union(onward)))).all()


def merge_facts(companies: Replica[Any], followers: Followers, tell: Tell) -> Handlers:
    """Handlers that keep both companies and let rows follow; `tell` publishes those that moved."""

    async def on_merge(tx: Tx, fact: Received) -> None:
        both = (fact.message.company, fact.message.merged)
        rows = [asdict(company_of(fact.org_id, each)) for each in both]
        # First of all: whoever is writing a row for the merged company holds its copy, and is waited for.
        await companies.keep(tx.session, sorted(rows, key=lambda row: row["id"]), tx.now)
        moved = await followers.follow(tx, fact)
        await tell(tx, moved)

    return {MERGED: on_merge, REVERTED: on_merge}
