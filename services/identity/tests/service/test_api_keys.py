"""API keys through the doors: made, shown once, rotated, revoked."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import pytest
from services.identity.tests.gate import KEYS, Check, Json, asking, make, status
from services.identity.tests.place import Person, Place

from identity.domain.api_keys import ApiKey
from identity.domain.roles import Role


@pytest.fixture
async def owner(place: Place) -> Person:
    """The owner, signed in."""
    return await place.act(Role.OWNER)


@pytest.fixture
async def check(place: Place) -> AsyncIterator[Check]:
    """Asks as the gateway does."""
    async with asking(place) as check:
        yield check


async def test_a_key_is_shown_once_and_told_of_without_its_text(place: Place, owner: Person) -> None:
    made = await make(owner, "deals:read", "deals:read", "leads:*", rateLimitPerHour=5)
    assert made["token"].startswith(made["prefix"])
    assert made["token"].endswith(made["lastFour"])
    assert (made["scopes"], made["rateLimitPerHour"]) == (["deals:read", "leads:*"], 5)
    days = datetime.fromisoformat(made["expiresAt"]) - place.stand.clock.now
    assert days == timedelta(days=90)
    read = (await owner.browser.get(f"{KEYS}/{made['id']}")).json()
    assert read["createdBy"]["id"] == str(owner.id)
    listed = (await owner.browser.get(KEYS)).json()["items"]
    assert [each["id"] for each in listed] == [made["id"]]
    for shown in (read, *listed):
        assert made["token"] not in orjson.dumps(shown).decode()
        assert "token" not in shown
        assert "digest" not in shown
    (fact,) = await place.facts("api_key.created")
    assert (fact.aggregate_id, fact.message.api_key.name) == (UUID(made["id"]), "Shop")
    assert await place.stand.actions(made["id"]) == ["API_KEY_CREATE"]
    everything = [str(each.message) for each in await place.stand.facts(org_id=place.owner.org_id)]
    everything += [str(each.message) for each in await place.facts("activity.recorded")]
    assert not any(made["token"] in each for each in everything)


async def test_a_replayed_answer_has_no_secret(owner: Person) -> None:
    body = {"name": "Shop", "scopes": ["deals:read"]}
    first, second = [
        await owner.browser.post(KEYS, json=body, headers={"idempotency-key": "one"}) for _ in range(2)
    ]
    assert first.json()["token"]
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == {name: value for name, value in first.json().items() if name != "token"}
    rotate = f"{KEYS}/{first.json()['id']}/rotate"
    first, second = [await owner.browser.post(rotate, headers={"idempotency-key": "two"}) for _ in range(2)]
    assert ("token" in first.json(), "token" in second.json()) == (True, False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["deals:fly"]}, "scopes.0"),
        ({"scopes": ["deals:read", "api-keys:manage"]}, "scopes.1"),
        ({"scopes": ["*"]}, "scopes.0"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "2999-01-01T00:00:00Z"}, "expiresAt"),
        ({"rateLimitPerHour": 0}, "rateLimitPerHour"),
        ({"name": " "}, "name"),
        ({"token": "exk_test_mine"}, "token"),
    ],
)
async def test_what_a_key_cannot_be_is_refused_by_field(owner: Person, body: Json, field: str) -> None:
    answer = await owner.browser.post(KEYS, json={"name": "Shop", "scopes": ["deals:read"]} | body)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["error"]["details"]] == [field]


async def test_a_ceo_gives_what_a_ceo_holds(place: Place) -> None:
    ceo = await place.act(Role.CEO)
    await make(ceo, "deals:read", "api-keys:read")
    answer = await ceo.browser.post(KEYS, json={"name": "Shop", "scopes": ["deals:write"]})
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "scopes.0")


async def test_a_rotated_key_lives_until_the_overlap_ends(place: Place, owner: Person, check: Check) -> None:
    old = await make(owner)
    assert status(await check(old["token"])) == 200
    answer = await owner.browser.post(f"{KEYS}/{old['id']}/rotate", json={"overlapMinutes": 10})
    new = answer.json()
    assert answer.headers["location"].endswith(f"{KEYS}/{new['id']}")
    assert (new["scopes"], new["name"]) == (old["scopes"], "Shop")
    assert [status(await check(each["token"])) for each in (old, new)] == [200, 200]
    place.stand.clock.advance(minutes=10)
    assert [status(await check(each["token"])) for each in (old, new)] == [401, 200]
    (fact,) = await place.facts("api_key.rotated")
    assert (fact.message.api_key.id, fact.message.replaced_id) == (new["id"], old["id"])
    again = await owner.browser.post(f"{KEYS}/{old['id']}/rotate")
    assert again.status_code == 409


async def test_a_key_rotated_without_overlap_is_dead_at_once(
    place: Place, owner: Person, check: Check
) -> None:
    old = await make(owner)
    assert status(await check(old["token"])) == 200
    await owner.browser.post(f"{KEYS}/{old['id']}/rotate", json={"overlapMinutes": 0})
    assert status(await check(old["token"])) == 401
    (fact,) = await place.facts("api_key.revoked")
    assert fact.message.api_key.id == old["id"]


async def test_two_rotations_at_once_make_one_successor(owner: Person) -> None:
    made = await make(owner)
    answers = await asyncio.gather(*(owner.browser.post(f"{KEYS}/{made['id']}/rotate") for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409]


async def test_a_revoked_key_is_gone_from_the_list_and_stays_to_be_looked_at(
    place: Place, owner: Person
) -> None:
    made = await make(owner)
    revoked = await owner.browser.delete(f"{KEYS}/{made['id']}")
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert (await owner.browser.get(KEYS)).json()["items"] == []
    (listed,) = (await owner.browser.get(KEYS, params={"revoked": "true"})).json()["items"]
    assert listed["revokedAt"]
    assert (await owner.browser.delete(f"{KEYS}/{made['id']}")).status_code == 409
    assert await place.stand.actions(made["id"]) == ["API_KEY_CREATE", "API_KEY_REVOKE"]


async def test_nobody_finds_a_key_of_another_organisation(place: Place, owner: Person) -> None:
    made = await make(owner)
    stranger = await place.act(Role.OWNER, at=await place.open())
    path = f"{KEYS}/{made['id']}"
    answers = [
        await stranger.browser.get(path),
        await stranger.browser.post(f"{path}/rotate"),
        await stranger.browser.delete(path),
    ]
    assert [each.status_code for each in answers] == [404, 404, 404]


async def test_only_a_digest_is_kept(place: Place, owner: Person) -> None:
    made = await make(owner)
    async with place.reception.tx() as tx:
        key = (await tx.session.execute(ApiKey.__table__.select())).mappings().all()
    assert made["token"] not in str([dict(each) for each in key])
