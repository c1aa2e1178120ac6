"""What an organisation demands at the doors: checked in memory, loaded once, kept fresh by facts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import grpc
import pytest

from chassis import tenants as module
from chassis.bus import Bus
from chassis.errors import DependencyUnavailable
from chassis.ids import new_id
from chassis.inbox import Received
from chassis.rpc import Callers, Peer, RpcServer, ServiceIdentity
from chassis.runtime import Runtime
from chassis.tenants import ModuleDisabled, Rules, Tenants, is_within
from chassis.testing.stand import Stand
from chassis.watches import Watches, follow
from execos.identity.v1 import identity_pb2 as pb
from execos.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sample.publishing import publish, relay_of
from sample.waiting import running, until

SECRET = "a service secret of at least 32 characters"
GET = "/execos.identity.v1.IdentityService/GetPolicies"
OPEN = Rules(version=1, modules=frozenset({"notes"}), features=frozenset({"sealing"}))


def demand(stand: Stand, rules: Rules) -> Tenants:
    """Let the organisation demand this at the doors of the sample service, whatever it demanded before."""
    tenants = stand.runtime.tenants
    tenants.module = "notes"
    tenants._known.clear()
    tenants.learn(stand.org_id, rules)
    return tenants


async def code_of(stand: Stand, *scope: str, **claims: Any) -> tuple[int, str | None]:
    async with stand.client(*scope, **claims) as api:
        answer = await api.get("/api/v1/notes", headers={"x-envoy-external-address": "203.0.113.9"})
    return answer.status_code, answer.json().get("error", {}).get("code")


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (replace(OPEN, is_open=False), "ORGANISATION_INACTIVE"),
        (replace(OPEN, modules=frozenset({"others"})), "MODULE_DISABLED"),
        (replace(OPEN, networks=("198.51.100.0/24",)), "IP_NOT_ALLOWED"),
        (replace(OPEN, networks=()), "IP_NOT_ALLOWED"),
        (replace(OPEN, strong_permissions=None), "SECOND_FACTOR_REQUIRED"),
        (replace(OPEN, strong_permissions=frozenset({"notes:read", "notes:burn"})), "SECOND_FACTOR_REQUIRED"),
    ],
)
async def test_what_is_demanded_and_not_met_is_refused_with_its_own_code(
    notes: Stand, rules: Rules, code: str
) -> None:
    demand(notes, rules)
    assert await code_of(notes, "notes:read") == (403, code)


@pytest.mark.parametrize(
    "rules",
    [
        OPEN,
        replace(OPEN, networks=("203.0.113.0/24", "2001:db8::/32")),
        replace(OPEN, strong_permissions=frozenset({"notes:burn"})),
    ],
)
async def test_what_is_demanded_and_met_lets_in(notes: Stand, rules: Rules) -> None:
    demand(notes, rules)
    assert await code_of(notes, "notes:read") == (200, None)


async def test_second_factor_is_asked_of_people_and_given_by_the_token(notes: Stand) -> None:
    demand(notes, replace(OPEN, strong_permissions=None))
    assert await code_of(notes, mfa=True) == (200, None)
    assert await code_of(notes, kind="key") == (200, None)


async def test_door_that_leads_to_the_second_factor_is_open_without_one(notes: Stand) -> None:
    demand(notes, replace(OPEN, strong_permissions=None))
    async with notes.client() as api:
        assert (await api.get("/api/v1/notes/arrival")).status_code == 200


async def test_door_of_a_feature_that_is_off_is_closed(notes: Stand) -> None:
    demand(notes, replace(OPEN, features=frozenset()))
    async with notes.client() as api:
        answer = await api.get("/api/v1/notes/sealing")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FEATURE_DISABLED")
        demand(notes, OPEN)
        assert (await api.get("/api/v1/notes/sealing")).status_code == 200


async def test_key_is_not_a_signed_in_person(notes: Stand) -> None:
    demand(notes, OPEN)
    async with notes.client(kind="key") as api:
        answer = await api.get("/api/v1/notes/arrival")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")


async def test_rules_are_loaded_once_for_all_who_wait_and_not_counted_as_their_statements(
    notes: Stand,
) -> None:
    loaded: list[UUID] = []

    async def load(org_id: UUID) -> Rules:
        loaded.append(org_id)
        await asyncio.sleep(0.05)
        return OPEN

    tenants, org_id = Tenants(load), new_id()
    first = asyncio.create_task(tenants.rules(org_id))
    others = [asyncio.create_task(tenants.rules(org_id)) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()  # whoever goes away does not take the answer from the others
    assert await asyncio.gather(*others) == [OPEN] * 5
    assert await tenants.rules(org_id) == OPEN
    assert loaded == [org_id]


async def test_older_rules_do_not_replace_newer_ones() -> None:
    org_id, newer = new_id(), replace(OPEN, version=3, is_open=False)

    async def load(_org_id: UUID) -> Rules:
        tenants.learn(org_id, newer)  # the fact is faster than the copy that is read meanwhile
        return OPEN

    tenants = Tenants(load)
    assert await tenants.rules(org_id) == newer
    tenants.learn(org_id, OPEN)
    assert await tenants.rules(org_id) == newer


async def test_rules_are_read_again_in_time_and_kept_while_they_cannot_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOADED_AGAIN_AFTER_SECONDS", 0.0)
    answers: list[Any] = [OPEN, DependencyUnavailable("away"), replace(OPEN, version=2, is_open=False)]

    async def load(_org_id: UUID) -> Rules:
        answer = answers.pop(0)
        if isinstance(answer, Rules):
            return answer
        raise answer

    tenants, org_id = Tenants(load), new_id()
    assert (await tenants.rules(org_id)).is_open
    assert (await tenants.rules(org_id)).is_open
    assert not (await tenants.rules(org_id)).is_open


async def test_organisation_that_nobody_knows_lets_nobody_in(notes: Stand) -> None:
    async def load(_org_id: UUID) -> Rules:
        raise DependencyUnavailable("away", service="identity")

    notes.runtime.tenants._load = load
    assert await code_of(notes) == (503, "DEPENDENCY_UNAVAILABLE")


async def test_only_so_many_organisations_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 2)
    tenants = Tenants(lambda _org_id: asyncio.sleep(0, OPEN))
    for _ in range(5):
        await tenants.rules(new_id())
    assert len(tenants._known) == 2


async def test_fact_changes_what_is_demanded_at_once(notes: Stand, bus: Bus) -> None:
    def close(runtime: Runtime, fact: Received, _until: float) -> None:
        runtime.tenants.learn(fact.org_id, Rules(version=2, is_open=False))

    watched: Watches = {"sales.company.created.v1": close}
    tenants = demand(notes, OPEN)
    assert await code_of(notes) == (200, None)
    async with running(follow(bus, notes.runtime, watched)):
        await publish(notes, "closed now")
        relay = relay_of(notes, bus)
        while await relay.publish_batch():
            pass
        await until(lambda: tenants._known[notes.org_id][0].version == 2, 5)
    assert await code_of(notes) == (403, "ORGANISATION_INACTIVE")


@pytest.mark.parametrize(
    ("ip", "is_in"),
    [
        ("203.0.113.9", True),
        ("::ffff:203.0.113.9", True),
        ("198.51.100.1", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("localhost", False),
        (None, False),
    ],
)
def test_addresses_in_networks(ip: str | None, *, is_in: bool) -> None:
    assert is_within(ip, ("203.0.113.0/24", "2001:db8::/32")) == is_in


async def _answer(_request: Any, _context: Any) -> pb.GetPoliciesResponse:
    return pb.GetPoliciesResponse(version=7)


@pytest.fixture
async def asking() -> AsyncIterator[Peer]:
    """Somebody who asks a service whose module is off in every organisation."""
    callers: Callers = {GET: frozenset({"sales"})}
    closed = Tenants(lambda _org_id: asyncio.sleep(0, replace(OPEN, modules=frozenset())), "notes")
    server = RpcServer(ServiceIdentity("identity", SECRET), callers, {}, closed)
    handler = grpc.unary_unary_rpc_method_handler(
        _answer, pb.GetPoliciesRequest.FromString, pb.GetPoliciesResponse.SerializeToString
    )
    service, _, method = GET[1:].partition("/")
    server.grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = await server.start("127.0.0.1:0")
    peer = Peer("identity", f"127.0.0.1:{port}", ServiceIdentity("sales", SECRET))
    yield peer
    await peer.close()
    await server.stop(0)


async def test_module_that_is_off_is_refused_between_services_too(asking: Peer) -> None:
    calls: Any = IdentityServiceStub(asking.channel)
    with pytest.raises(ModuleDisabled) as refused:
        await asking.ask(calls.GetPolicies, pb.GetPoliciesRequest(org_id=str(new_id())))
    assert refused.value.reason == "MODULE_DISABLED"
    cause: Any = refused.value.__cause__
    assert cause.code() is grpc.StatusCode.PERMISSION_DENIED
