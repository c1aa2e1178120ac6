"""Whoever has the database in their hands cannot change the audit log without being found out."""

from typing import Any

import pytest
from services.reporting.tests.place import AUDIT_KEY, Place
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from reporting.domain.audit import START, hash_of

COLUMNS = (
    "org_id, seq, id, event_id, context, entity_type, entity_id, action, actor_id, actor_name, actor_email,"
)
COLUMNS += " actor_kind, before, after, request_id, ip, user_agent, at, recorded_at, hash"


@pytest.fixture
async def log(place: Place) -> Place:
    """A log of six entries, sealed after the fifth."""
    for number in range(5):
        await place.activity(f"A{number}")
    await place.stand.run_periodic("seal-audit-log")
    await place.activity("A5")
    found = await place.get("/audit/verify")
    assert (found["ok"], found["checked"], found["firstSeq"], found["lastSeq"]) == (True, 6, 1, 6)
    assert (found["sealedSeq"], found["brokenAt"]) == (5, None)
    return place


async def broken_at(log: Place) -> int | None:
    """Where the chain is broken."""
    found: dict[str, Any] = await log.get("/audit/verify")
    assert found["ok"] == (found["brokenAt"] is None)
    place: int | None = found["brokenAt"]
    return place


@pytest.mark.parametrize(
    "change",
    [
        "action = 'OTHER'",
        "actor_name = 'Somebody Else'",
        "actor_id = NULL",
        'before = \'{"title": "Old"}\'',
        "after = NULL",
        "ip = '198.51.100.1'",
        "user_agent = NULL",
        "request_id = NULL",
        "at = at + interval '1 microsecond'",
        "recorded_at = recorded_at - interval '1 day'",
        "entity_id = org_id",
        "entity_type = 'LEAD'",
        "context = 'work'",
        "event_id = id",
        "id = event_id",
        "hash = decode(repeat('00', 32), 'hex')",
    ],
)
async def test_edited_entry_is_found(log: Place, change: str) -> None:
    await log.sql(f"UPDATE audit_entry SET {change} WHERE org_id = :org_id AND seq = 3")
    assert await broken_at(log) == 3


async def test_deleted_entry_is_found(log: Place) -> None:
    await log.sql("DELETE FROM audit_entry WHERE org_id = :org_id AND seq = 3")
    assert await broken_at(log) == 3


async def test_deleted_entry_is_found_when_the_others_move_up(log: Place) -> None:
    await log.sql("DELETE FROM audit_entry WHERE org_id = :org_id AND seq = 3")
    for seq in (4, 5, 6):
        await log.sql("UPDATE audit_entry SET seq = seq - 1 WHERE org_id = :org_id AND seq = :seq", seq=seq)
    await log.sql("UPDATE audit_head SET seq = 5 WHERE org_id = :org_id")
    assert await broken_at(log) == 3


async def test_swapped_entries_are_found(log: Place) -> None:
    for seq, other in ((2, 99), (3, 2), (99, 3)):
        await log.sql(
            "UPDATE audit_entry SET seq = :other WHERE org_id = :org_id AND seq = :seq", seq=seq, other=other
        )
    assert await broken_at(log) == 2


async def test_truncated_log_is_found_by_its_head(log: Place) -> None:
    await log.sql("DELETE FROM audit_entry WHERE org_id = :org_id AND seq > 4")
    assert await broken_at(log) == 5


async def test_truncated_log_with_a_forged_head_is_found_by_its_seal(log: Place) -> None:
    await log.sql("DELETE FROM audit_entry WHERE org_id = :org_id AND seq > 4")
    await log.sql(
        "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_entry WHERE org_id = :org_id AND seq = 4)"
        " WHERE org_id = :org_id"
    )
    assert await broken_at(log) == 5


async def test_emptied_log_is_found(log: Place) -> None:
    await log.sql("DELETE FROM audit_entry WHERE org_id = :org_id")
    assert await broken_at(log) == 1
    await log.sql("DELETE FROM audit_head WHERE org_id = :org_id")
    assert await broken_at(log) == 1


@pytest.mark.parametrize("seq", [-1, 0, 7])
async def test_inserted_entry_is_found(log: Place, seq: int) -> None:
    copied = COLUMNS.replace("seq", ":seq").replace("event_id", "gen_random_uuid()")
    await log.sql(
        f"INSERT INTO audit_entry ({COLUMNS}) SELECT {copied} FROM audit_entry WHERE org_id = :org_id AND seq = 3",
        seq=seq,
    )
    assert await broken_at(log) == (7 if seq == 7 else 1)


async def test_forged_head_is_found(log: Place) -> None:
    await log.sql("UPDATE audit_head SET hash = decode(repeat('00', 32), 'hex') WHERE org_id = :org_id")
    assert await broken_at(log) == 7


async def rewrite(log: Place, action: str) -> None:
    """Change the third entry and make the rest of the chain, and its head, fit."""
    entries = await log.sql("SELECT * FROM audit_entry WHERE org_id = :org_id ORDER BY seq")
    last = START
    for entry in entries:
        if entry.seq == 3:
            await log.sql(
                "UPDATE audit_entry SET action = :action WHERE org_id = :org_id AND seq = 3", action=action
            )
            [entry] = await log.sql("SELECT * FROM audit_entry WHERE org_id = :org_id AND seq = 3")  # noqa: PLW2901 - as it is now
        last = hash_of(last, entry)
        await log.sql(
            "UPDATE audit_entry SET hash = :hash WHERE org_id = :org_id AND seq = :seq",
            hash=last,
            seq=entry.seq,
        )
    await log.sql("UPDATE audit_head SET hash = :hash WHERE org_id = :org_id", hash=last)


async def test_rewritten_chain_is_found_by_its_seal(log: Place) -> None:
    await rewrite(log, "OTHER")
    assert await broken_at(log) == 5


async def test_seal_cannot_be_forged_without_the_key(log: Place) -> None:
    await rewrite(log, "OTHER")
    await log.sql(
        "UPDATE audit_seal SET hash = (SELECT hash FROM audit_entry WHERE org_id = :org_id AND seq = 5)"
        " WHERE org_id = :org_id"
    )
    assert await broken_at(log) == 5


async def test_sealing_again_adds_nothing(log: Place) -> None:
    for _ in range(2):
        await log.stand.run_periodic("seal-audit-log")
    assert [
        row.seq for row in await log.sql("SELECT seq FROM audit_seal WHERE org_id = :org_id ORDER BY seq")
    ] == [
        5,
        6,
    ]
    assert await broken_at(log) is None
    assert AUDIT_KEY not in str(await log.sql("SELECT * FROM audit_seal WHERE org_id = :org_id"))


@pytest.mark.parametrize("table", ["audit_entry", "audit_seal", "fact"])
async def test_application_can_neither_change_nor_delete(log: Place, table: str) -> None:
    for statement in (f"UPDATE {table} SET org_id = org_id", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        async with log.stand.runtime.source.database.session(log.org_id) as session:
            with pytest.raises(ProgrammingError, match="permission denied"):
                await session.execute(text(statement))
