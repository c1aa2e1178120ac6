"""API keys through the doors, and what the gateway is answered about them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import grpc
import orjson
import pytest
import time_machine
from envoy.service.auth.v3 import external_auth_pb2 as pb
from envoy.service.auth.v3.external_auth_pb2_grpc import AuthorizationStub
from services.identity.tests.place import Person, Place
from sqlalchemy import event, update

from chassis.auth import ActorKind, DenyList
from chassis.errors import Unauthenticated
from chassis.inbox import Received
from chassis.rpc import RpcServer, ServiceIdentity, gateway_token
from chassis.runtime import Runtime
from clients.identity.copies import WATCHES
from identity.domain.api_keys import ApiKey, new_text
from identity.domain.members import Membership, MemberState
from identity.domain.organisations import OrganisationState
from identity.domain.roles import Role
from identity.porter import Porter
from identity.rpc.identity_service import CALLERS, serve_identity

SECRET = "s" * 40
KEYS = "/org/api-tokens"
Json = dict[str, Any]
Check = Callable[..., Awaitable[pb.CheckResponse]]


@pytest.fixture
async def owner(place: Place) -> Person:
    """The owner, signed in."""
    return await place.act(Role.OWNER)


@pytest.fixture
async def check(place: Place) -> AsyncIterator[Check]:
    """Asks as the gateway does, over real gRPC."""
    server = RpcServer(ServiceIdentity("identity", SECRET), CALLERS, {})
    serve_identity(place.stand.runtime, server.grpc)
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:

        async def ask(key: str | None, token: str = gateway_token(SECRET), **headers: str) -> Any:
            request = pb.CheckRequest()
            sent = headers | ({"x-api-key": key} if key is not None else {})
            request.attributes.request.http.headers.update(sent)
            metadata = (("authorization", token), ("execos-check", "key"))
            return await AuthorizationStub(channel).Check(request, timeout=5, metadata=metadata)

        yield ask
    await server.stop(0)


async def make(who: Person, *scopes: str, **more: Any) -> Json:
    """A key made through the door."""
    body = {"name": "Shop", "scopes": scopes or ("deals:read",), **more}
    answer = await who.browser.post(KEYS, json=body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def status(answer: pb.CheckResponse) -> int:
    """The HTTP status of a refusal, 200 for none."""
    return int(answer.denied_response.status.code) if answer.HasField("denied_response") else 200


def token_of(answer: pb.CheckResponse) -> str:
    """The access token that the key was swapped for."""
    headers = {each.header.key: each.header.value for each in answer.ok_response.headers}
    return headers["authorization"].removeprefix("Bearer ")


# ------------------------------------------------------------------------------------------------ through the doors


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


# ----------------------------------------------------------------------------------------------------- at the gate


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
        denied = (await check(key, **{"x-request-id": request_id})).denied_response
        assert denied.status.code == 401
        assert orjson.loads(denied.body)["error"]["code"] == "UNAUTHORIZED"
        assert orjson.loads(denied.body)["error"]["requestId"] == request_id
        headers = {each.header.key: each.header.value for each in denied.headers}
        assert headers["www-authenticate"] == "Bearer"
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
    porter = Porter(place.reception, DenyList())
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
    elsewhere = Porter(place.reception, DenyList())
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
        headers = {each.header.key: each.header.value for each in denied.headers}
        assert headers["retry-after"] == "3600"
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


async def test_only_a_digest_is_kept(place: Place, owner: Person) -> None:
    made = await make(owner)
    async with place.reception.tx() as tx:
        key = (await tx.session.execute(ApiKey.__table__.select())).mappings().all()
    assert made["token"] not in str([dict(each) for each in key])
