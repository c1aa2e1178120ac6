"""One organisation that sells: its people, a signed-in client, and what was told of it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
from psycopg.types.json import Jsonb
from sqlalchemy import text

from chassis.testing.stand import Stand
from clients.identity.fake import FakeIdentity
from clients.identity.types import Member
from execos.identity.v1.events_pb2 import MemberSuspended, PoliciesChanged
from execos.identity.v1.snapshots_pb2 import MemberSnapshot, OrganisationSnapshot
from execos.identity.v1.snapshots_pb2 import Policies as PoliciesMessage

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOBODY = "01890000-0000-7000-8000-000000000000"

WAITING = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")

Json = dict[str, Any]


@dataclass
class Place:
    """The service, its fake, and one active member who owns what needs an owner."""

    stand: Stand
    identity: FakeIdentity
    api: httpx2.AsyncClient
    member: Member

    @property
    def org_id(self) -> UUID:
        """The organisation of this test."""
        return self.stand.org_id

    @property
    def owner(self) -> str:
        """The member's id, as bodies name it."""
        return str(self.member.id)

    async def post(self, path: str, body: Json | None = None, **headers: str) -> httpx2.Response:
        """POST below /api/v1."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.api.post(f"/api/v1{path}", json=body, headers=named)

    async def patch(self, path: str, body: Json, **headers: str) -> httpx2.Response:
        """PATCH below /api/v1."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.api.patch(f"/api/v1{path}", json=body, headers=named)

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        """GET below /api/v1."""
        return await self.api.get(f"/api/v1{path}", params=query)

    async def made(self, path: str, **fields: Any) -> Json:
        """A new row; the answer must be 201."""
        answer = await self.post(path, fields)
        assert answer.status_code == 201, answer.text
        row: Json = answer.json()
        return row

    async def company(self, name: str = "Brandt GmbH", **fields: Any) -> Json:
        """A new company."""
        return await self.made("/companies", name=name, **fields)

    async def contact(self, name: str = "Jutta Brandt", **fields: Any) -> Json:
        """A new contact."""
        return await self.made("/contacts", name=name, **fields)

    async def lead(self, title: str = "Press line 3", **fields: Any) -> Json:
        """A new lead."""
        return await self.made("/leads", title=title, **fields)

    async def deal(self, company: Json | None = None, **fields: Any) -> Json:
        """A new deal, of a new company unless one is given, owned by the member unless told otherwise."""
        company = company or await self.company(f"Company of {fields.get('title', 'a deal')}")
        body = {"title": "Retrofit", "companyId": company["id"], "ownerUserId": self.owner}
        return await self.made("/deals", **body | fields)

    async def label(self, table: str, row: Json, *, tags: list[str], custom_fields: Json) -> None:
        """A row has these tags and fields of the organisation's own."""
        put = text(f"UPDATE {table} SET tags = :tags, custom_fields = :fields WHERE id = :id")
        async with self.stand.runtime.system.session(None) as session:
            await session.execute(put, {"tags": tags, "fields": Jsonb(custom_fields), "id": row["id"]})
            await session.commit()

    async def read(self, path: str) -> Json:
        """A row as it is now."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        row: Json = answer.json()
        return row

    async def names(self, path: str, key: str = "name", **query: Any) -> list[Any]:
        """What a list shows, by one field."""
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return [item[key] for item in answer.json()["items"]]

    async def told(self, row: Json) -> list[str]:
        """The facts of a row, without context and version, oldest first."""
        facts = [fact for fact in await self.stand.facts() if str(fact.aggregate_id) == row["id"]]
        return [fact.type.removeprefix("sales.").removesuffix(".v1") for fact in facts]

    async def fact(self, kind: str) -> Any:
        """The message of the only fact of a type."""
        (fact,) = await self.stand.facts(f"sales.{kind}.v1")
        return fact.message

    async def race(self, table: str, row: Json, *calls: Awaitable[httpx2.Response]) -> list[httpx2.Response]:
        """The answers of calls that all want to change one row, none of which gets it before all have begun."""
        held = text(f"SELECT id FROM {table} WHERE id = :id FOR UPDATE")
        async with self.stand.runtime.system.session(None) as holder:
            await holder.execute(held, {"id": row["id"]})
            racers = [asyncio.ensure_future(call) for call in calls]
            async with asyncio.timeout(2), self.stand.runtime.system.session(None) as watch:
                while await watch.scalar(WAITING) < len(racers):  # noqa: ASYNC110 - the database has no event for it
                    await asyncio.sleep(0.01)
        return await asyncio.gather(*racers)

    async def suspend(self, member: Member) -> None:
        """A member is suspended, as identity tells it."""
        told = MemberSnapshot(
            user_id=str(member.id),
            version=member.version + 1,
            name=member.name,
            email=member.email,
            role=member.role,
            status="suspended",
        )
        assert await self.stand.deliver(MemberSuspended(member=told), member.id, version=told.version)

    async def change_organisation(self, *, policies: Json | None = None, **values: Any) -> None:
        """The organisation changes, as identity tells it."""
        known = self.identity.add_organisation(self.org_id)
        changed = replace(known.policies, **policies or {})
        organisation = self.identity.add_organisation(self.org_id, policies=changed, **values)
        names = [field.name for field in PoliciesMessage.DESCRIPTOR.fields]
        snapshot = OrganisationSnapshot(
            id=str(organisation.id),
            version=organisation.version,
            name=organisation.name,
            slug=organisation.slug,
            status=organisation.status,
            time_zone=organisation.time_zone,
            currency=organisation.currency,
            locale=organisation.locale,
            modules=sorted(organisation.modules),
            policies=PoliciesMessage(**{name: getattr(changed, name) for name in names}),
        )
        fact = PoliciesChanged(organisation=snapshot)
        assert await self.stand.deliver(fact, self.org_id, version=organisation.version)


def error_of(answer: httpx2.Response, status: int) -> Json:
    """The error of a refused request."""
    assert answer.status_code == status, answer.text
    error: Json = answer.json()["error"]
    return error


def code_of(answer: httpx2.Response, status: int) -> str:
    """The code of a refused request."""
    return str(error_of(answer, status)["code"])
