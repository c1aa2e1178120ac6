"""All services in this process: real databases, real tokens, real gRPC between them; facts are carried by hand."""

import asyncio
import base64
import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from uuid import UUID

import httpx2
import orjson
from jwt import PyJWK
from pydantic import SecretStr
from services.identity.tests.openid import CLIENT, RogueProvider, rogue_provider
from services.identity.tests.place import CHEAP_KIB, Place
from services.identity.tests.platform_owner import PLATFORM_HOST, PlatformPerson, platform_owner
from sqlalchemy import Select, func, select, update

from chassis import relay
from chassis.auth import ALGORITHM, KeySet
from chassis.clock import utc_now
from chassis.inbox import Received, receive, received
from chassis.jobs_service import CALLERS, add_jobs_service
from chassis.rows import outbox
from chassis.rpc import Peer, RpcServer, ServiceIdentity
from chassis.runtime import Platform as Hosts
from chassis.service import Service
from chassis.testing.databases import Databases
from chassis.testing.stand import SETTINGS, Stand
from gateway.routes import owner_of
from identity.passwords import Passwords
from identity.provider_settings import OidcProvider
from identity.providers import Providers
from identity.reception import Reception
from identity.settings import IdentitySettings

ORDER = ("identity", "sales", "work", "billing", "notifications", "reporting")
"""Whoever is asked starts before those who ask."""
SECRET = "s" * 32
ROOT_DOMAIN = "execos.localhost"
PLENTY = 100_000
OWN_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "identity": {
        "encryption_key": SecretStr(base64.b64encode(b"k" * 32).decode()),
        "refresh_key": SecretStr("r" * 43),
        "cookie_samesite": "none",
        "passkey_rp_id": "",
        "root_domain": ROOT_DOMAIN,
        "organisations_per_day": PLENTY,
        "invitations_per_day": PLENTY,
        "sign_ups_per_day": PLENTY,
    },
    "notifications": {"smtp_url": SecretStr("smtp://127.0.0.1:9"), "mail_from": "no-reply@execos.test"},
}


def service_named(name: str) -> Service:
    """The composition of a service."""
    found: Service = getattr(importlib.import_module(f"{name}.main"), name.upper())
    return found


class PublishedKeys(KeySet):
    """The keys that identity publishes, fetched from its app without a network."""

    def __init__(self, identity: Stand) -> None:
        super().__init__("http://identity.test/.well-known/jwks.json")
        self._identity = identity

    async def refresh(self) -> None:
        """What the address of the keys answers now."""
        # In a task of its own: in this process the other service's work would take the place of ours.
        answer = await asyncio.create_task(self._fetch())
        self._keys = {key["kid"]: PyJWK(key, algorithm=ALGORITHM) for key in answer["keys"]}
        self._fetched_at = asyncio.get_running_loop().time()

    async def _fetch(self) -> Any:
        async with self._identity.anonymous() as client:
            return (await client.get("/.well-known/jwks.json")).json()


class Gateway(httpx2.AsyncBaseTransport):
    """Sends a request to the service that the gateway's route table names."""

    def __init__(self, platform: "Platform") -> None:
        self._routes = {
            name: httpx2.ASGITransport(stand.app, raise_app_exceptions=False)
            for name, stand in platform.stands.items()
        }

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of the service."""
        owner = owner_of(request.url.path)
        assert owner is not None, f"the gateway has no route for {request.url.path}"
        return await self._routes[owner].handle_async_request(request)


@dataclass
class Platform:
    """Every service by name, the addresses of their gRPC, and the place where identity's people live."""

    stands: dict[str, Stand]
    addresses: dict[str, str]
    place: Place
    provider: RogueProvider
    """Somebody who vouches for whom a test names."""
    owner: PlatformPerson | None = None

    @classmethod
    @asynccontextmanager
    async def started(cls, databases: Databases, names: tuple[str, ...] = ORDER) -> AsyncIterator["Platform"]:
        """All services, stopped again at the end."""
        stands: dict[str, Stand] = {}
        addresses: dict[str, str] = {}
        async with AsyncExitStack() as stack:
            for name in names:
                stands[name] = await _start(stack, service_named(name), databases, addresses)
            reception = replace(
                stands["identity"].runtime.part(Reception), passwords=Passwords(memory_kib=CHEAP_KIB)
            )
            stands["identity"].runtime.parts[Reception] = reception
            stack.callback(reception.passwords.close)
            provider = stack.enter_context(rogue_provider())
            _trust(stands["identity"], provider)
            stack.push_async_callback(reception.settle)
            for name, stand in stands.items():
                if name != "identity":
                    stand.runtime.verifier.keys = PublishedKeys(stands["identity"])
            yield cls(stands, addresses, Place(stands["identity"], reception), provider)

    async def administrator(self) -> httpx2.AsyncClient:
        """The API as somebody who owns the platform calls it on its host."""
        if self.owner is None:
            self.owner = await platform_owner(self.place)
        return self.client(self.owner.token, host=PLATFORM_HOST)

    def client(self, token: str | None = None, **headers: str) -> httpx2.AsyncClient:
        """A client of the API as the gateway routes it; without cookies, so that no call ends a shared session."""
        signed = {"authorization": f"Bearer {token}"} if token else {}
        return httpx2.AsyncClient(
            transport=Gateway(self),
            base_url="https://service.test",
            headers=signed | headers,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def peer(self, of: str, caller: str) -> Peer:
        """A channel to a service, as another one opens it."""
        return Peer(of, self.addresses[of], ServiceIdentity(caller, SECRET))

    async def carry(self, org_id: UUID, *, about: str | None = None) -> None:
        """Let every fact of an organisation, or only those about one thing, have all its effects."""
        while sum([await self._hand_on(stand, org_id, about) for stand in self.stands.values()]):
            pass

    async def facts(self, org_id: UUID) -> list[Received]:
        """Every fact of an organisation that its services still have, published or not."""
        found = []
        for name, stand in self.stands.items():
            async with stand.runtime.system.session(None, read_only=True) as session:
                wanted = select(outbox).where(outbox.c.org_id == org_id).order_by(outbox.c.id)
                rows = (await session.execute(wanted)).all()
            found += [received(orjson.dumps(row.payload), relay._headers(row, name)) for row in rows]
        return found

    async def last_facts(self) -> Mapping[str, int]:
        """The number of each service's newest fact, whichever organisation's."""
        wanted = select(func.coalesce(func.max(outbox.c.id), 0))
        return {name: await self._count(stand, wanted) for name, stand in self.stands.items()}

    async def facts_since(self, last: Mapping[str, int], org_id: UUID) -> int:
        """How many facts of an organisation came after those."""
        wanted = select(func.count()).where(outbox.c.org_id == org_id)
        counts = [
            await self._count(self.stands[name], wanted.where(outbox.c.id > last[name])) for name in last
        ]
        return sum(counts)

    async def entries(self, service: str, request_id: str) -> list[Any]:
        """The audit facts of one request."""
        wanted = outbox.c.type == f"{service}.activity.recorded.v1"
        async with self.stands[service].runtime.system.session(None, read_only=True) as session:
            rows = await session.scalars(
                select(outbox.c.payload).where(wanted, outbox.c.payload["requestId"].astext == request_id)
            )
            return list(rows)

    async def _count(self, stand: Stand, wanted: Select[int]) -> int:
        async with stand.runtime.system.session(None, read_only=True) as session:
            return await session.scalar(wanted) or 0

    async def _hand_on(self, publisher: Stand, org_id: UUID, about: str | None) -> int:
        """Hand a publisher's pending facts to every service with a handler for them; how many there were."""
        of = (outbox.c.org_id == org_id) & outbox.c.published_at.is_(None)
        wanted = of & (outbox.c.aggregate_id == UUID(about)) if about else of
        async with publisher.runtime.system.session(None) as session:
            rows = (await session.execute(select(outbox).where(wanted).order_by(outbox.c.id))).all()
        for row in rows:
            fact = received(orjson.dumps(row.payload), relay._headers(row, publisher.service.name))
            for stand in self.stands.values():
                if fact.type in stand.service.handlers:
                    await receive(stand.runtime.source, stand.service.name, stand.service.handlers, fact)
        async with publisher.runtime.system.session(None) as session:
            done = update(outbox).where(of, outbox.c.id.in_([row.id for row in rows]))
            await session.execute(done.values(published_at=utc_now()))
            await session.commit()
        return len(rows)


def _trust(identity: Stand, provider: RogueProvider) -> None:
    configured = OidcProvider.model_validate(CLIENT | {"issuer": provider.url})
    base_url = identity.runtime.part(IdentitySettings).public_base_url
    identity.runtime.parts[Providers] = Providers({"contract": configured}, base_url)


async def _start(
    stack: AsyncExitStack, service: Service, databases: Databases, addresses: dict[str, str]
) -> Stand:
    databases.migrated(service)
    known = {f"{name}_grpc": address for name, address in addresses.items()}
    own = {name: value for name, value in known.items() if name in service.settings.model_fields}
    settings: dict[str, Any] = {**own, **OWN_SETTINGS.get(service.name, {})}
    me = ServiceIdentity(service.name, SECRET)

    def peer(name: str, address: str) -> Peer:
        opened = Peer(name, address, me)
        stack.push_async_callback(opened.close)
        return opened

    parts = service.peers(service.settings.model_construct(**{**SETTINGS, **settings}), peer)
    stand = await stack.enter_async_context(Stand.of(service, databases, parts, settings))
    stand.runtime = replace(stand.runtime, platform=Hosts(root_domain=ROOT_DOMAIN))
    stand.app = service.app(stand.runtime)
    await service.prepare(stand.runtime)
    server = RpcServer(me, {**service.callers, **CALLERS}, service.constraints)
    service.serve_rpc(stand.runtime, server.grpc)
    add_jobs_service(server.grpc, stand.runtime, service.all_jobs(), "test")
    addresses[service.name] = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    stack.push_async_callback(server.stop, 0)
    return stand
