"""Deleting piece by piece: what is doomed and no more than asked for, chosen once."""

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import dialect

from chassis.deleting import delete_some, some
from chassis.ids import new_id
from chassis.rows import inbox
from chassis.testing.stand import Stand


async def test_what_is_doomed_goes_at_most_so_many_at_once(notes: Stand) -> None:
    mine, doomed = inbox.c.org_id == notes.org_id, inbox.c.consumer == "doomed"
    async with notes.runtime.system.session(notes.org_id) as session:
        for consumer in ("doomed", "doomed", "doomed", "kept"):
            row = {"consumer": consumer, "event_id": new_id(), "received_at": notes.clock.now}
            await session.execute(insert(inbox).values(org_id=notes.org_id, **row))
        assert [await delete_some(session, inbox, mine & doomed, 2) for _ in range(3)] == [2, 1, 0]
        kept = select(func.count()).select_from(inbox).where(mine)
        assert await session.scalar(kept) == 1


async def test_rows_are_chosen_once_whatever_the_planner_expects(notes: Stand) -> None:
    postgres = dialect()  # type: ignore[no-untyped-call] # SQLAlchemy has not typed it
    deletion = some(inbox, inbox.c.org_id == notes.org_id, 1000)
    sql = deletion.compile(dialect=postgres, compile_kwargs={"literal_binds": True})
    async with notes.runtime.system.session(notes.org_id) as session:
        plan = "\n".join(await session.scalars(text(f"EXPLAIN {sql}")))
    assert "InitPlan" in plan, plan
    assert "Tid Scan" in plan, plan
