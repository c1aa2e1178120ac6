"""An organisation with a person in each of the ten roles, all of them signed in for real."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx2
import jwt
from services.identity.tests.place import PASSWORD, Person
from tests.contract.operations import Operation
from tests.contract.platform import Platform

from identity.domain.roles import Role

Json = dict[str, Any]
API = "/api/v1"


@dataclass
class Organisation:
    """One tenant; `mark` is in the name of everything it owns, so that a stranger who sees any of it is found out."""

    platform: Platform = field(repr=False)
    owner: Person
    mark: str
    people: dict[Role, Person] = field(default_factory=dict)
    clients: dict[Role, httpx2.AsyncClient] = field(default_factory=dict)

    @classmethod
    async def founded(cls, platform: Platform) -> "Organisation":
        """A new organisation; only its owner is signed in yet."""
        mark = f"mark-{uuid4().hex}"
        owner = await platform.place.open(mark)
        organisation = cls(platform, owner, mark, {Role.OWNER: owner})
        await organisation.client(Role.OWNER)
        await platform.carry(organisation.id)
        return organisation

    @property
    def id(self) -> UUID:
        """The tenant's id."""
        return self.owner.org_id

    @classmethod
    async def signed_up(cls, platform: Platform) -> "Organisation":
        """The same, made by its owner through the door for newcomers."""
        mark = f"mark-{uuid4().hex}"
        person = {"name": "Olga Owner", "email": f"owner@{mark}.example", "password": PASSWORD}
        async with platform.client() as anybody:
            body = person | {"organisation": {"name": mark, "slug": mark}}
            answer = await anybody.post(f"{API}/auth/signup", json=body)
        assert answer.status_code == 201, answer.text
        claims = jwt.decode(answer.json()["accessToken"], options={"verify_signature": False})
        owner = Person(
            UUID(claims["sub"]), person["email"], UUID(claims["org"]), mark, platform.place.browser()
        )
        organisation = cls(platform, owner, mark, {Role.OWNER: owner})
        await organisation.client(Role.OWNER)
        await platform.carry(organisation.id)
        return organisation

    async def person(self, role: Role) -> Person:
        """The person of that role."""
        if role not in self.people:
            email = f"{role.lower()}@{self.mark}.example"
            self.people[role] = await self.platform.place.join(role, at=self.owner, email=email)
        return self.people[role]

    async def client(self, role: Role = Role.OWNER) -> httpx2.AsyncClient:
        """The API, as the person of that role calls it."""
        if role not in self.clients:
            person = await self.person(role)
            answer = await person.sign_in()
            assert answer.status_code == 200, answer.text
            self.clients[role] = self.platform.client(answer.json()["accessToken"])
        return self.clients[role]

    async def client_of(self, operation: Operation) -> httpx2.AsyncClient:
        """The API as whoever may call an operation does: the owner, or at the platform's doors who owns that."""
        return await self.platform.administrator() if operation.is_platform else await self.client()

    def name(self, kind: str) -> str:
        """A new name for something of that kind."""
        return f"{kind} {uuid4().hex[:8]} {self.mark}"

    async def get(self, path: str, role: Role = Role.OWNER) -> Any:
        """What the address answers; it must."""
        answer = await (await self.client(role)).get(API + path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(
        self,
        path: str,
        body: Json | None = None,
        role: Role = Role.OWNER,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer of a command that must succeed."""
        answer = await (await self.client(role)).post(API + path, json=body, headers=headers)
        assert answer.status_code in {200, 201, 202}, f"{path}: {answer.text}"
        return answer.json()
