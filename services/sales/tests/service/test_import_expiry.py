"""The rows of imports are copies of people's data: they are kept as long as they may be needed, no longer."""

import pytest
from services.sales.tests.place import Place, code_of
from services.sales.tests.service.test_imports import COMPANIES, mapped, ran, rows_of, uploaded

from sales import importing


async def test_rows_are_kept_for_thirty_days_after_what_was_done_last(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await uploaded(place, COMPANIES)
    assert run["rowsKeptUntil"] == "2026-04-09T12:00:00Z"
    place.stand.clock.advance(days=29)
    await mapped(place, run)
    applied = await ran(place, run, "apply")
    assert applied["rowsKeptUntil"] == "2026-05-08T12:00:00Z"
    place.stand.clock.advance(days=30)
    monkeypatch.setattr(importing, "EXPIRED_AT_ONCE", 1_000_000)  # also all that other tests have left
    await place.stand.run_periodic("forget-import-rows")
    assert len(await rows_of(place, run)) == 2
    place.stand.clock.advance(seconds=1)
    monkeypatch.setattr(importing, "FORGOTTEN", 1)
    for _ in range(2):
        await place.stand.run_periodic("forget-import-rows")
        assert await rows_of(place, run) == []
    over = await place.read(f"/imports/{run['id']}")
    assert (over["status"], over["counters"]) == ("applied", applied["counters"])
    assert over["rowsKeptUntil"] == over["updatedAt"] == "2026-05-08T12:00:01Z"
    assert code_of(await place.post(f"/imports/{run['id']}/revert"), 409) == "IMPORT_EXPIRED"
    assert await place.stand.actions(run["id"]) == ["CREATE", "MAP", "APPLY", "APPLIED", "UPDATE"]


async def test_an_import_that_is_under_way_keeps_its_rows_however_long_it_takes(place: Place) -> None:
    run = await uploaded(place, COMPANIES)
    await mapped(place, run)
    await place.post(f"/imports/{run['id']}/apply")
    place.stand.clock.advance(days=31)
    await place.stand.run_periodic("forget-import-rows")
    await place.stand.run_deferred()
    assert (await place.read(f"/imports/{run['id']}"))["counters"]["create"] == 2
