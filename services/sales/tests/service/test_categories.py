"""Leads by category and by staleness: what somebody thinks of them, until nothing has happened for too long."""

from services.sales.tests.place import Place, code_of


async def test_lead_to_which_nothing_happens_is_dormant_whatever_it_was(place: Place) -> None:
    lead = await place.lead(category="hot")
    assert (lead["category"], lead["chosenCategory"], lead["isStale"]) == ("hot", "hot", False)
    place.stand.clock.advance(hours=73)
    stale = await place.read(f"/leads/{lead['id']}")
    assert (stale["category"], stale["chosenCategory"], stale["isStale"]) == ("dormant", "hot", True)
    touched = (await place.patch(f"/leads/{lead['id']}", {"source": "fair"})).json()
    assert (touched["category"], touched["chosenCategory"], touched["isStale"]) == ("hot", "hot", False)


async def test_policy_says_how_long_that_is(place: Place) -> None:
    lead = await place.lead(category="warm")
    await place.change_organisation(policies={"lead_stale_after_hours": 2})
    place.stand.clock.advance(hours=3)
    assert await place.names("/leads", "category") == ["dormant"]
    assert await place.names("/leads", "id", stale="true") == [lead["id"]]
    await place.post(f"/leads/{lead['id']}/disqualify")
    place.stand.clock.advance(hours=3)
    assert await place.names("/leads", "category") == ["warm"]


async def test_list_filters_by_category_and_staleness(place: Place) -> None:
    await place.lead("Old", category="hot")
    await place.lead("Asleep", category="dormant")
    place.stand.clock.advance(hours=73)
    await place.lead("Hot", category="hot")
    await place.lead("Resting", category="dormant")
    await place.lead("Unknown")
    for query, titles in (
        ({"category": "hot"}, {"Hot", "Unknown"}),
        ({"category": "dormant"}, {"Old", "Asleep", "Resting"}),
        ({"category": "cold"}, set()),
        ({"stale": "true"}, {"Old", "Asleep"}),
        ({"stale": "false"}, {"Hot", "Resting", "Unknown"}),
        ({"stale": "false", "category": "dormant"}, {"Resting"}),
    ):
        assert set(await place.names("/leads", "title", **query)) == titles, query
    for query in ({"category": "lukewarm"}, {"category": ""}, {"stale": "perhaps"}):
        assert code_of(await place.get("/leads", **query), 400) == "VALIDATION_ERROR"


async def test_lead_of_which_nobody_has_said_so_cools_down_by_itself(place: Place) -> None:
    await place.change_organisation(policies={"lead_stale_after_hours": 720})
    lead = await place.lead()
    path = f"/leads/{lead['id']}"
    assert (lead["category"], lead["chosenCategory"]) == ("hot", None)
    for days, category in ((7, "hot"), (1, "warm"), (22, "warm"), (1, "dormant")):
        place.stand.clock.advance(days=days)
        assert (await place.read(path))["category"] == category
    await place.post(f"{path}/disqualify")
    for days, category in ((31, "cold"), (60, "dormant")):
        place.stand.clock.advance(days=days)
        assert (await place.read(path))["category"] == category
    assert await place.names("/leads", "category", category="dormant") == ["dormant"]


async def test_qualified_lead_is_hot_until_it_is_stale_or_somebody_says_otherwise(place: Place) -> None:
    await place.change_organisation(policies={"lead_stale_after_hours": 720})
    lead = await place.lead(stage="QUALIFIED")
    path = f"/leads/{lead['id']}"
    place.stand.clock.advance(days=29)
    assert (await place.read(path))["category"] == "hot"
    assert (await place.patch(path, {"category": "cold"})).json()["category"] == "cold"
    left_to_itself = (await place.patch(path, {"category": None})).json()
    assert (left_to_itself["category"], left_to_itself["chosenCategory"]) == ("hot", None)
    place.stand.clock.advance(days=31)
    assert (await place.read(path))["category"] == "dormant"
