"""The audit log is kept as long as policy says, and what is left of it can still be proven."""

from typing import Any

import pytest
from services.reporting.tests.place import Place

from reporting.settings import ReportingSettings
from reporting.store import audit

JOB = "prune-audit-log"


async def log_of_a_year(place: Place, entries: int = 4) -> None:
    """An entry every hundred days, the last one now."""
    for number in range(entries):
        if number:
            place.stand.clock.advance(days=100)
        await place.activity(f"A{number}")
    await place.stand.run_periodic("seal-audit-log")


async def actions(place: Place) -> list[str]:
    """What the log still says, oldest first."""
    page = await place.get("/audit", sortBy="seq", sortDir="asc")
    return [entry["action"] for entry in page["items"]]


async def broken_at(place: Place) -> int | None:
    """Where the chain is broken."""
    found: dict[str, Any] = await place.get("/audit/verify")
    assert found["ok"] == (found["brokenAt"] is None)
    place_of_break: int | None = found["brokenAt"]
    return place_of_break


async def test_what_was_kept_for_long_enough_goes_and_the_rest_is_still_proven(place: Place) -> None:
    await log_of_a_year(place)
    hashes = [entry["hash"] for entry in (await place.get("/audit", sortBy="seq", sortDir="asc"))["items"]]
    await place.stand.run_periodic(JOB)
    assert await actions(place) == ["A2", "A3"]
    found = await place.get("/audit/verify")
    assert (found["ok"], found["checked"], found["firstSeq"], found["lastSeq"]) == (True, 2, 3, 4)
    assert found["checkpoint"] == {
        "firstSeq": 1,
        "lastSeq": 2,
        "count": 2,
        "lastHash": hashes[1],
        "at": found["asOf"],
    }
    await place.activity("A4")
    assert (await place.get("/audit/verify"))["checked"] == 3
    place.stand.clock.advance(days=100)
    await place.stand.run_periodic(JOB)
    found = await place.get("/audit/verify")
    assert (found["ok"], found["firstSeq"], found["checkpoint"]["count"]) == (True, 4, 3)


@pytest.mark.parametrize(("days", "left"), [(30, ["A2", "A3"]), (250, ["A1", "A2", "A3"])])
async def test_policy_may_keep_more_than_half_a_year_but_not_less(
    place: Place, days: int, left: list[str]
) -> None:
    await place.organisation(2, audit_retention_days=days)
    await log_of_a_year(place)
    await place.stand.run_periodic(JOB)
    assert await actions(place) == left


async def test_last_entry_stays_however_old_it_is(place: Place) -> None:
    await log_of_a_year(place, 2)
    place.stand.clock.advance(days=4000)
    await place.stand.run_periodic(JOB)
    assert (await actions(place), await broken_at(place)) == (["A1"], None)


async def test_many_entries_go_batch_by_batch(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BATCH", 2)
    for number in range(6):
        await place.activity(f"A{number}")
    place.stand.clock.advance(days=181)
    await place.activity("A6")
    await place.stand.run_periodic(JOB)
    assert (await actions(place), (await place.get("/audit/verify"))["checkpoint"]["count"]) == (["A6"], 6)


async def test_without_a_key_everything_stays(place: Place) -> None:
    runtime = place.stand.runtime
    runtime.parts[ReportingSettings] = runtime.part(ReportingSettings).model_copy(update={"audit_key": None})
    await log_of_a_year(place)
    await place.stand.run_periodic(JOB)
    assert len(await actions(place)) == 4
    assert (await place.get("/audit/verify"))["checkpoint"] is None


async def test_log_that_is_pruned_while_it_is_verified_holds(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_of_a_year(place)
    read_ends, reads = audit.read_ends, 0

    async def pruned_after_the_first(*arguments: Any) -> Any:
        nonlocal reads
        ends, reads = await read_ends(*arguments), reads + 1
        if reads == 1:
            await place.stand.run_periodic(JOB)
        return ends

    monkeypatch.setattr(audit, "read_ends", pruned_after_the_first)
    found = await place.get("/audit/verify")
    assert (found["ok"], found["checked"], found["checkpoint"]["count"]) == (True, 2, 2)


@pytest.mark.parametrize(
    ("tampering", "place_of_break"),
    [
        ("DELETE FROM audit_checkpoint WHERE org_id = :org_id", 1),
        ("UPDATE audit_checkpoint SET seq = 3 WHERE org_id = :org_id", 1),
        ("UPDATE audit_checkpoint SET hash = sha256(hash) WHERE org_id = :org_id", 1),
        ("UPDATE audit_checkpoint SET signature = '' WHERE org_id = :org_id", 1),
        ("DELETE FROM audit_entry WHERE org_id = :org_id AND seq = 3", 3),
        ("UPDATE audit_entry SET seq = 2 WHERE org_id = :org_id AND seq = 3", 3),
        ("UPDATE audit_entry SET action = 'OTHER' WHERE org_id = :org_id AND seq = 3", 3),
    ],
)
async def test_tampering_around_a_checkpoint_is_found(
    place: Place, tampering: str, place_of_break: int
) -> None:
    await log_of_a_year(place)
    await place.stand.run_periodic(JOB)
    assert await broken_at(place) is None
    await place.sql(tampering)
    assert await broken_at(place) == place_of_break


async def test_seal_is_no_checkpoint(place: Place) -> None:
    await log_of_a_year(place)
    await place.sql(
        "INSERT INTO audit_checkpoint SELECT org_id, seq, hash, sealed_at, signature FROM audit_seal"
        " WHERE org_id = :org_id"
    )
    await place.sql("DELETE FROM audit_entry WHERE org_id = :org_id AND seq < 4")
    assert await broken_at(place) == 1


async def test_older_checkpoint_is_found(place: Place) -> None:
    await log_of_a_year(place)
    await place.stand.run_periodic(JOB)
    [old] = await place.sql("SELECT seq, hash, signature FROM audit_checkpoint WHERE org_id = :org_id")
    place.stand.clock.advance(days=100)
    await place.stand.run_periodic(JOB)
    put_back = "UPDATE audit_checkpoint SET seq = :seq, hash = :hash, signature = :signature"
    await place.sql(f"{put_back} WHERE org_id = :org_id", **old._asdict())
    assert await broken_at(place) == 3
