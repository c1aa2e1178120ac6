"""What others do while rows of a file are applied: nothing is lost, and nobody waits for each other."""

from typing import Any, cast

import pytest
from services.sales.tests.place import Json, Place
from services.sales.tests.service.test_imports import mapped, uploaded


async def begun(place: Place, content: str, entity: str = "company") -> Json:
    """An import that will be applied by the next one who works."""
    run = await uploaded(place, content, entity)
    await mapped(place, run, duplicatePolicy="update")
    assert (await place.post(f"/imports/{run['id']}/apply")).status_code == 202
    return run


def working(place: Place) -> Any:
    """Somebody works on what waits, as one of the racers."""
    return cast("Any", place.stand.run_deferred())


@pytest.mark.parametrize("place_in_queue", [0, 1])
async def test_a_contact_of_a_file_does_not_stay_behind_a_merge(place: Place, place_in_queue: int) -> None:
    alpha, beta = [await place.company(name) for name in ("Alpha", "Beta")]
    await begun(place, "Name,Company\nLate,Beta\n", "contact")
    calls = [place.post("/companies/merge", {"survivorId": alpha["id"], "mergedId": beta["id"]})]
    calls.insert(place_in_queue, working(place))
    await place.race("company", beta, *calls)
    [late] = (await place.get("/contacts")).json()["items"]
    assert (await place.read(f"/companies/{late['companyId']}"))["archivedAt"] is None


@pytest.mark.parametrize("place_in_queue", [0, 1])
async def test_a_tag_is_renamed_while_rows_that_carry_it_are_imported(
    place: Place, place_in_queue: int
) -> None:
    known = await place.company("Known GmbH", tags=["old"])
    [tag] = (await place.get("/tags")).json()["items"]
    run = await begun(place, f'ID,Name,Tags\n{known["id"]},Known GmbH,"old, more"\n')
    calls = [place.patch(f"/tags/{tag['id']}", {"name": "new"})]
    calls.insert(place_in_queue, working(place))
    answers = await place.race("tag", tag, *calls)
    assert answers[1 - place_in_queue].status_code == 200
    assert (await place.read(f"/imports/{run['id']}"))["status"] == "applied"
    words = {row["name"] for row in (await place.get("/tags")).json()["items"]}
    assert set((await place.read(f"/companies/{known['id']}"))["tags"]) <= words


async def test_a_row_that_is_changed_before_it_can_be_locked_is_decided_anew(place: Place) -> None:
    known = await place.company("Known GmbH", industry="Rail")
    run = await begun(place, f"ID,Name,City\n{known['id']},Known GmbH,Kiel\n")
    answers = await place.race(
        "company", known, place.patch(f"/companies/{known['id']}", {"industry": "Food"}), working(place)
    )
    assert answers[0].status_code == 200
    now = await place.read(f"/companies/{known['id']}")
    assert (now["industry"], now["address"]["city"], now["version"]) == ("Food", "Kiel", 3)
    assert (await place.read(f"/imports/{run['id']}"))["counters"]["update"] == 1


async def test_a_row_that_is_archived_before_it_can_be_locked_is_here_no_more(place: Place) -> None:
    known = await place.company("Known GmbH")
    run = await begun(place, f"ID,Name,City\n{known['id']},Known GmbH,Kiel\n")
    await place.race("company", known, place.post(f"/companies/{known['id']}/archive"), working(place))
    now = await place.read(f"/companies/{known['id']}")
    assert (now["address"], now["version"]) == (None, 2)
    assert (await place.read(f"/imports/{run['id']}"))["counters"]["invalid"] == 1
