"""Leads and deals that are put away: out of every list until somebody asks for them, and back again."""

import pytest
from services.sales.tests.place import Place

PATHS = ["/leads", "/deals"]


async def row_of(place: Place, path: str) -> str:
    row = await (place.lead("Old") if path == "/leads" else place.deal())
    return str(row["id"])


async def listed(place: Place, path: str, **query: str) -> list[str]:
    return [each["id"] for each in (await place.get(path, page="1", **query)).json()["items"]]


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_put_away_is_listed_only_when_asked_for(place: Place, path: str) -> None:
    row_id = await row_of(place, path)
    archived = await place.post(f"{path}/{row_id}/archive")
    assert (archived.status_code, archived.json()["archivedAt"] is not None) == (200, True)
    assert await listed(place, path) == []
    assert await listed(place, path, archived="true") == [row_id]
    assert (await place.get(f"{path}/{row_id}")).json() == archived.json()
    restored = await place.post(f"{path}/{row_id}/restore")
    assert restored.json()["archivedAt"] is None
    assert await listed(place, path) == [row_id]


@pytest.mark.parametrize("path", PATHS)
async def test_each_is_told_once(place: Place, path: str) -> None:
    row_id = await row_of(place, path)
    kind = path[1:-1]
    for command in ("archive", "archive", "restore", "restore"):
        assert (await place.post(f"{path}/{row_id}/{command}")).status_code == 200
    for told in ("archived", "restored"):
        assert len(await place.stand.facts(f"sales.{kind}.{told}.v1")) == 1
    done = (await place.get(f"{path}/{row_id}/activity")).json()["items"]
    assert [each["action"] for each in done] == ["CREATE", "ARCHIVE", "RESTORE"]


async def test_deal_that_is_put_away_is_not_stale(place: Place) -> None:
    row_id = await row_of(place, "/deals")
    place.stand.clock.advance(days=8)
    assert (await place.get(f"/deals/{row_id}")).json()["isStale"] is True
    archived = (await place.post(f"/deals/{row_id}/archive")).json()
    place.stand.clock.advance(days=8)
    assert archived["isStale"] is (await place.get(f"/deals/{row_id}")).json()["isStale"] is False
