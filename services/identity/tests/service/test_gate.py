"""What the gateway is answered about keys."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import grpc
import orjson
import pytest
import time_machine
from services.identity.tests.gate import KEYS, SECRET, Check, Json, asking, headers_of, make, status, token_of
from services.identity.tests.place import Person, Place
from sqlalchemy import event, update

from chassis.auth import ActorKind, DenyList
from chassis.errors import Unauthenticated
from chassis.inbox import Received
from chassis.rpc import ServiceIdentity, gateway_token
from chassis.runtime import Runtime
from clients.identity.copies import WATCHES
from identity.domain.api_keys import new_text
from identity.domain.members import Membership, MemberState
from identity.domain.organisations import OrganisationState
from identity.domain.roles import Role
from identity.porter import Porter
from identity.rpc.identity_service import CALLERS


@pytest.fixture
async def owner(place: Place) -> Person:
    """The owner, signed in."""
    return await place.act(Role.OWNER)


@pytest.fixture
async def check(place: Place) -> AsyncIterator[Check]:
    """Asks as the gateway does."""
    async with asking(place) as check:
        yield check


async def test_a_key_is_swapped_for_a_token_of_two_minutes(place: Place, owner: Person, check: Check) -> None:
    made = await make(owner, "deals:read", "leads:*")
    answer = await check(made["token"])
    assert list(answer.ok_response.headers_to_remove) == ["x-api-key"]
    actor = await place.stand.runtime.verifier.verify(token_of(answer))
    assert (actor.kind, str(actor.id), actor.session_id) == (ActorKind.KEY, made["id"], made["id"])
    assert (actor.org_id, actor.org_slug) == (place.owner.org_id, place.owner.slug)
    assert (actor.name, actor.role, actor.email) == ("Shop", "API_KEY", None)
    assert actor.scope == {"deals:read", "leads:*"}
    bearer = await check(None, authorization=f"bearer {made['token']}")
    assert token_of(bearer) == token_of(answer)


async def test_the_header_of_keys_wins_over_the_other_one(owner: Person, check: Check) -> None:
    made = await make(owner)
    wrong = new_text(is_production=False)
    assert status(await check(made["token"], authorization=f"Bearer {wrong}")) == 200
    assert status(await check(wrong, authorization=f"Bearer {made['token']}")) == 401
    assert status(await check(f"{made['token']},{made['token']}")) == 401


async def test_what_is_no_key_is_refused_in_the_envelope(check: Check) -> None:
    request_id = "3a4b5c6d-7e8f-4a1b-9c2d-0e1f2a3b4c5d"
    for key in (new_text(is_production=False), "exk_test_x", ""):
        answer = await check(key, **{"x-request-id": request_id})
        denied = answer.denied_response
        assert denied.status.code == 401
        assert orjson.loads(denied.body)["error"]["code"] == "UNAUTHORIZED"
        assert orjson.loads(denied.body)["error"]["requestId"] == request_id
        assert headers_of(answer)["www-authenticate"] == "Bearer"
    denied = (await check("x", accept="application/problem+json")).denied_response
    assert orjson.loads(denied.body)["status"] == 401


@pytest.mark.parametrize("token", ["", "x", gateway_token("t" * 40)])
async def test_only_the_gateway_may_ask(check: Check, token: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await check("x", token=token)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await check("x", token=ServiceIdentity("sales", SECRET).token())
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_what_the_gateway_shows_opens_nothing_else() -> None:
    caller = ServiceIdentity("identity", SECRET).caller(gateway_token(SECRET))
    assert [method for method, names in CALLERS.items() if caller in names] == [
        "/envoy.service.auth.v3.Authorization/Check"
    ]


class Statements:
    """Counts what the database of the system role is asked."""

    def __init__(self, place: Place) -> None:
        self.count = 0
        engine = place.reception.source.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", self._on)

    def _on(self, *_: Any) -> None:
        self.count += 1


async def test_half_a_minute_is_answered_from_memory_and_mistyped_keys_always_are(
    place: Place, owner: Person, check: Check
) -> None:
    made = await make(owner)
    statements = Statements(place)
    await asyncio.gather(*(check(made["token"]) for _ in range(20)))
    first = statements.count
    for _ in range(5):
        assert status(await check(made["token"])) == 200
        assert status(await check(made["token"][:20])) == 401
    place.stand.clock.advance(seconds=29)
    assert status(await check(made["token"])) == 200
    assert statements.count == first
    place.stand.clock.advance(seconds=2)
    assert status(await check(made["token"])) == 200
    # The key, its creator's place, and the note of its use or a look at the signing keys: whoever came while that was
    # asked has waited for the answer.
    assert 0 < statements.count - first <= 3
    assert first <= 3


async def test_keys_that_never_were_fill_no_memory_and_push_nobody_out(
    place: Place, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("identity.porter.MAX_REFUSED", 3)
    porter = Porter(place.reception, DenyList(), place.stand.runtime.tenants)
    made, stranger = await make(owner), new_text(is_production=False)
    await porter.admit(made["token"])
    for text in (*(new_text(is_production=False) for _ in range(10)), stranger):
        with pytest.raises(Unauthenticated):
            await porter.admit(text)
    assert len(porter._refused) == 3
    statements, depths = Statements(place), set()
    for _ in range(5):
        with pytest.raises(Unauthenticated) as refused:
            await porter.admit(stranger)
        depths.add(len(refused.traceback))
        await porter.admit(made["token"])
    assert statements.count == 0
    assert len(depths) == 1


async def test_a_key_is_dead_here_as_soon_as_it_is_revoked(place: Place, owner: Person, check: Check) -> None:
    made = await make(owner)
    assert status(await check(made["token"])) == 200
    assert (await owner.browser.delete(f"{KEYS}/{made['id']}")).status_code == 204
    assert status(await check(made["token"])) == 401


async def test_other_processes_and_services_refuse_a_key_by_the_fact_that_it_is_revoked(
    place: Place, owner: Person, check: Check
) -> None:
    made = await make(owner)
    headers = {"authorization": f"Bearer {token_of(await check(made['token']))}"}
    elsewhere = Porter(place.reception, DenyList(), place.stand.runtime.tenants)
    await elsewhere.admit(made["token"])
    await owner.browser.delete(f"{KEYS}/{made['id']}")
    await elsewhere.admit(made["token"])
    (told,) = await place.facts("api_key.revoked")
    for deny_list in (elsewhere._deny_list, place.stand.runtime.verifier.deny_list):
        verifier = SimpleNamespace(deny_list=deny_list)
        hear = WATCHES["identity.api_key.revoked.v1"]
        hear(cast("Runtime", SimpleNamespace(verifier=verifier)), cast("Received", told), 2**40)
    with pytest.raises(Unauthenticated):
        await elsewhere.admit(made["token"])
    answer = await place.browser().get("/users", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TOKEN_REVOKED")


async def test_a_suspended_creators_keys_end_with_them(place: Place, owner: Person, check: Check) -> None:
    ceo = await place.act(Role.CEO)
    made = await make(ceo)
    answer = await owner.browser.post(f"/users/{ceo.id}/deactivate")
    assert answer.status_code == 200, answer.text
    assert status(await check(made["token"])) == 401
    (fact,) = await place.facts("api_key.revoked")
    assert fact.message.api_key.id == made["id"]
    await owner.browser.post(f"/users/{ceo.id}/reactivate")
    place.stand.clock.advance(minutes=1)
    assert status(await check(made["token"])) == 401


async def test_a_key_of_somebody_removed_opens_nothing_whoever_forgot_to_revoke_it(
    place: Place, check: Check
) -> None:
    ceo = await place.act(Role.CEO)
    made = await make(ceo)
    await _change(place, ceo, status=MemberState.REMOVED)
    assert status(await check(made["token"])) == 401


async def test_a_key_may_no_more_than_its_creator_at_present(place: Place, check: Check) -> None:
    admin = await place.act(Role.ADMIN)
    made = await make(admin, "deals:*", "invoices:read")
    await _change(place, admin, role=Role.VIEWER)
    actor = await place.stand.runtime.verifier.verify(token_of(await check(made["token"])))
    assert actor.scope == {"deals:read"}


async def _change(place: Place, person: Person, **values: Any) -> None:
    wanted = (Membership.org_id == person.org_id) & (Membership.id == person.id)
    async with place.reception.tx() as tx:
        await tx.session.execute(update(Membership).where(wanted).values(values))


async def test_a_key_of_a_closed_organisation_is_told_so(place: Place, owner: Person, check: Check) -> None:
    made = await make(owner)
    await place.change_organisation(owner, status=OrganisationState.INACTIVE)
    denied = (await check(made["token"])).denied_response
    assert denied.status.code == 403
    assert orjson.loads(denied.body)["error"]["code"] == "ORGANISATION_INACTIVE"


async def test_an_organisation_can_do_without_keys(place: Place, owner: Person, check: Check) -> None:
    made = await make(owner)
    await place.change_organisation(owner, features=["preferences"])
    denied = (await check(made["token"])).denied_response
    assert (denied.status.code, orjson.loads(denied.body)["error"]["code"]) == (403, "FEATURE_DISABLED")


async def test_an_expired_key_is_refused_to_the_second(place: Place, owner: Person, check: Check) -> None:
    ends = place.stand.clock.now + timedelta(seconds=20)
    made = await make(owner, expiresAt=ends.isoformat())
    assert status(await check(made["token"])) == 200
    place.stand.clock.advance(seconds=19.9)
    assert status(await check(made["token"])) == 200
    place.stand.clock.advance(seconds=0.2)
    assert status(await check(made["token"])) == 401


async def test_a_keys_hour_has_its_budget(place: Place, owner: Person, check: Check) -> None:
    made, other = await make(owner, rateLimitPerHour=3), await make(owner, rateLimitPerHour=3)
    with time_machine.travel(place.stand.clock.now, tick=False) as travel:
        answers = [await check(made["token"]) for _ in range(5)]
        assert [status(each) for each in answers] == [200, 200, 200, 429, 429]
        denied = answers[-1].denied_response
        assert orjson.loads(denied.body)["error"]["code"] == "TOO_MANY_REQUESTS"
        assert headers_of(answers[-1])["retry-after"] == "3600"
        assert status(await check(other["token"])) == 200
        travel.shift(3601)
        assert status(await check(made["token"])) == 200


async def test_use_is_noted_coarsely_and_without_a_new_version(
    place: Place, owner: Person, check: Check
) -> None:
    made = await make(owner)

    async def read() -> Json:
        found: Json = (await owner.browser.get(f"{KEYS}/{made['id']}")).json()
        return found

    assert (await read())["lastUsedAt"] is None
    await check(made["token"])
    first = (await read())["lastUsedAt"]
    assert first is not None
    place.stand.clock.advance(minutes=2)
    await check(made["token"])
    assert (await read())["lastUsedAt"] == first
    place.stand.clock.advance(minutes=4)
    await check(made["token"])
    later = await read()
    assert later["lastUsedAt"] > first
    assert later["version"] == 1


async def test_a_door_for_whoever_is_signed_in_is_not_for_keys(
    place: Place, owner: Person, check: Check
) -> None:
    made = await make(owner, "deals:read", "users:read")
    headers = {"authorization": f"Bearer {token_of(await check(made['token']))}"}
    browser = place.browser()
    answer = await browser.get("/permissions", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert (await browser.get("/users", headers=headers)).status_code == 200
    assert (await browser.get(KEYS, headers=headers)).status_code == 403
    for path in (KEYS, "/orgs", "/users"):
        assert (await browser.post(path, json={}, headers=headers)).status_code == 403
