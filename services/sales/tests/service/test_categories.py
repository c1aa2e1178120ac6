"""Leads by category and by staleness: what somebody thinks of them, until nothing has happened for too long."""

from services.sales.tests.place import Place, code_of


async def test_lead_to_which_nothing_happens_is_dormant_whatever_it_was(place: Place) -> None:
    lead = await place.lead(category="hot")
    assert (lead["category"], lead["effectiveCategory"], lead["isStale"]) == ("hot", "hot", False)
    place.stand.clock.advance(hours=73)
    stale = await place.read(f"/leads/{lead['id']}")
    assert (stale["category"], stale["effectiveCategory"], stale["isStale"]) == ("hot", "dormant", True)
    touched = (await place.patch(f"/leads/{lead['id']}", {"source": "fair"})).json()
    assert (touched["category"], touched["effectiveCategory"], touched["isStale"]) == ("hot", "hot", False)


async def test_policy_says_how_long_that_is(place: Place) -> None:
    lead = await place.lead(category="warm")
    await place.change_organisation(policies={"lead_stale_after_hours": 2})
    place.stand.clock.advance(hours=3)
    assert await place.names("/leads", "effectiveCategory") == ["dormant"]
    assert await place.names("/leads", "id", stale="true") == [lead["id"]]
    await place.post(f"/leads/{lead['id']}/disqualify")
    place.stand.clock.advance(hours=3)
    assert await place.names("/leads", "effectiveCategory") == ["warm"]


async def test_list_filters_by_category_and_staleness(place: Place) -> None:
    await place.lead("Old", category="hot")
    await place.lead("Asleep", category="dormant")
    place.stand.clock.advance(hours=73)
    await place.lead("Hot", category="hot")
    await place.lead("Resting", category="dormant")
    await place.lead("Unknown")
    for query, titles in (
        ({"category": "hot"}, {"Hot"}),
        ({"category": "dormant"}, {"Old", "Asleep", "Resting"}),
        ({"category": "cold"}, set()),
        ({"stale": "true"}, {"Old", "Asleep"}),
        ({"stale": "false"}, {"Hot", "Resting", "Unknown"}),
        ({"stale": "false", "category": "dormant"}, {"Resting"}),
    ):
        assert set(await place.names("/leads", "title", **query)) == titles, query
    for query in ({"category": "lukewarm"}, {"category": ""}, {"stale": "perhaps"}):
        assert code_of(await place.get("/leads", **query), 400) == "VALIDATION_ERROR"
