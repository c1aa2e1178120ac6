"""An identity service under test with organisations and people who can sign in."""

import asyncio
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import httpx2
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import delete, select, text, update

from chassis.testing.stand import PublishedFact, Stand
from chassis.testing.tokens import LocalKeys
from identity.domain.accounts import Account
from identity.domain.mail_links import LinkKind, MailLink
from identity.domain.members import Membership, MemberState
from identity.domain.organisations import Organisation
from identity.domain.own_roles import Rights
from identity.domain.policies import Policies
from identity.domain.roles import Role
from identity.domain.security_events import SecurityEvent
from identity.keyring import Keyring, OwnKeys
from identity.passwords import LANES, PASSES, Passwords
from identity.reception import Reception
from identity.store import accounts
from identity.usecases.mail_requests import ANSWER, answer_request
from identity.usecases.organisations import found_organisation

CHEAP_KIB = 64
"""Tests sign in hundreds of times; what the real cost is has a test of its own."""
PASSWORD = "right horse battery staple"
BROWSER = {"sec-fetch-site": "same-origin"}
API = "https://localhost/api/v1"
"""On a neutral host."""


@cache
def password_hash() -> str:
    """The hash of everybody's password, worked out once."""
    return Argon2Hasher(time_cost=PASSES, memory_cost=CHEAP_KIB, parallelism=LANES).hash(PASSWORD)


class BothKeys(OwnKeys):
    """Identity's own keys, and the one that signs the tokens of tests."""

    async def refresh(self) -> None:
        await super().refresh()
        self._keys = {**self._keys, **LocalKeys()._keys}


@dataclass
class Person:
    """Somebody in an organisation, and a browser of theirs."""

    id: UUID
    email: str
    org_id: UUID
    slug: str
    browser: httpx2.AsyncClient

    async def sign_in(self, password: str = PASSWORD, **more: Any) -> httpx2.Response:
        """Ask for a token and use it from now on."""
        body = {"email": self.email, "password": password, **more}
        answer = await self.browser.post("/auth/login", json=body)
        self.take(answer)
        return answer

    async def refresh(self, **headers: str) -> httpx2.Response:
        """Spend the refresh cookie."""
        answer = await self.browser.post("/auth/refresh", headers=BROWSER | headers)
        self.take(answer)
        return answer

    def at(self, browser: httpx2.AsyncClient) -> "Person":
        """The same person at another browser."""
        return replace(self, browser=browser)

    def take(self, answer: httpx2.Response) -> None:
        """Use the token of an answer, if it has one."""
        if answer.status_code in {200, 201}:
            self.browser.headers["authorization"] = f"Bearer {answer.json()['accessToken']}"

    @property
    def cookie(self) -> str:
        """The refresh token."""
        return str(self.browser.cookies["execos_refresh_token"])


@dataclass
class Place:
    """The stand, one organisation and its owner."""

    stand: Stand
    reception: Reception
    browsers: list[httpx2.AsyncClient] = field(default_factory=list)
    owner: Person = field(init=False)

    @property
    def keyring(self) -> Keyring:
        """The signing keys."""
        return self.reception.keyring

    def browser(self, ip: str = "127.0.0.1") -> httpx2.AsyncClient:
        """A fresh browser without cookies or token, at a client's address."""
        transport = httpx2.ASGITransport(self.stand.app, raise_app_exceptions=False, client=(ip, 123))
        self.browsers.append(httpx2.AsyncClient(transport=transport, base_url=API))
        return self.browsers[-1]

    async def open(self, slug: str | None = None, **values: Any) -> Person:
        """A new organisation; its owner."""
        slug = slug or f"org-{uuid4().hex[:12]}"
        async with self.reception.tx() as tx:
            account = await accounts.find_or_add(
                tx.session, _account(f"owner@{slug}.example", "Olga Owner", tx.now)
            )
            founded = await found_organisation(tx, account, slug, slug)
            for name, value in values.items():
                setattr(founded.organisation, name, value)
        return Person(
            account.id, account.email, founded.organisation.id, founded.organisation.slug, self.browser()
        )

    async def join(
        self,
        role: Role,
        *,
        at: Person | None = None,
        email: str | None = None,
        status: MemberState = MemberState.ACTIVE,
    ) -> Person:
        """A new person, or a known one by e-mail address, in an organisation."""
        at = at or self.owner
        email = email or f"{role.lower()}-{uuid4().hex[:8]}@people.example"
        async with self.reception.tx() as tx:
            account = await accounts.find_or_add(tx.session, _account(email, f"{role} Person", tx.now))
            member = Membership.of(at.org_id, account, role, tx.now)
            member.status = status
            tx.session.add(member)
        return Person(account.id, email, at.org_id, at.slug, self.browser())

    async def act(self, role: Role, **more: Any) -> Person:
        """A new person in an organisation, signed in without the cost of a password."""
        person = await self.join(role, **more)
        self.stand.org_id = person.org_id
        token = self.stand.token(
            *_scope(role), org_id=person.org_id, user_id=person.id, role=role.value, org_slug=person.slug
        )
        person.browser.headers["authorization"] = f"Bearer {token}"
        return person

    async def change_account(self, person: Person, **values: Any) -> None:
        """Set columns of a person."""
        await self._update(update(Account).where(Account.id == person.id).values(values))

    async def change_member(self, person: Person, **values: Any) -> None:
        """Set columns of a person's membership."""
        of = (Membership.org_id == person.org_id) & (Membership.id == person.id)
        await self._update(update(Membership).where(of).values(values))

    async def change_organisation(self, person: Person, **values: Any) -> None:
        """Set columns of a person's organisation."""
        await self._update(update(Organisation).where(Organisation.id == person.org_id).values(values))

    async def change_policies(self, person: Person, **values: Any) -> None:
        """Set policies of a person's organisation."""
        await self._update(update(Policies).where(Policies.org_id == person.org_id).values(values))

    def set(self, **settings: Any) -> None:
        """Run with other settings from here on."""
        changed = self.reception.settings.model_copy(update=settings)
        self.reception = self.stand.runtime.parts[Reception] = replace(self.reception, settings=changed)

    def hash_with(self, passwords: Passwords) -> None:
        """Compare and hash with these from here on."""
        self.reception = self.stand.runtime.parts[Reception] = replace(self.reception, passwords=passwords)

    async def security_events(self, org_id: UUID | None = None) -> list[tuple[str, str]]:
        """Type and severity of an organisation's security events, oldest first."""
        wanted = select(SecurityEvent).where(SecurityEvent.org_id == (org_id or self.owner.org_id))
        async with self.reception.tx() as tx:
            events = (await tx.session.scalars(wanted.order_by(SecurityEvent.id))).all()
        return [(event.type, event.severity) for event in events]

    def told_token(self, fact: PublishedFact, kind: LinkKind) -> str:
        """The token of the link that a fact has mailed."""
        return self.reception.seals.mail_token(kind, UUID(fact.message.link_id))

    async def mail_link(self, person: Person, kind: LinkKind, **values: Any) -> UUID:
        """A link to a person's mailbox, as a fact would name it."""
        async with self.reception.tx() as tx:
            account = await accounts.find_by_id(tx.session, person.id)
            assert account is not None
            link = MailLink.of(kind, account, person.org_id, tx.now)
            for name, value in values.items():
                setattr(link, name, value)
            tx.add(link)
        return link.id

    async def link_token(self, person: Person, kind: LinkKind, **values: Any) -> str:
        """The token of a new link to a person's mailbox, as the mail would carry it."""
        return self.reception.seals.mail_token(kind, await self.mail_link(person, kind, **values))

    async def answer_mail_requests(self) -> None:
        """Let the job run that mails the links that were asked for."""
        for sealed in await self.take_mail_requests():
            await answer_request(self.reception, sealed)

    async def take_mail_requests(self) -> list[str]:
        """Take the requests for mails that wait for their job, oldest first."""
        taken = text(
            "DELETE FROM procrastinate.procrastinate_jobs WHERE task_name = :task"
            " RETURNING id, args->>'sealed' AS sealed"
        )
        async with self.reception.tx() as tx:
            rows = (await tx.session.execute(taken, {"task": ANSWER})).all()
        return [row.sealed for row in sorted(rows, key=lambda row: row.id)]

    async def forget_links(self, person: Person) -> None:
        """As if a person had not been sent any mail."""
        await self._update(delete(MailLink).where(MailLink.user_id == person.id))

    async def facts(self, *types: str, org_id: UUID | None = None) -> list[PublishedFact]:
        """Facts of the owner's organisation by their names without `identity.` and version."""
        full = [f"identity.{name}.v1" for name in types]
        return await self.stand.facts(*full, org_id=org_id or self.owner.org_id)

    async def warm(self) -> None:
        """Open the connections of the system role, so that what races does not wait in line for one."""

        async def hold() -> None:
            async with self.reception.tx() as tx:
                await tx.session.execute(text("SELECT pg_sleep(0.1)"))

        await asyncio.gather(*(hold() for _ in range(5)))

    async def _update(self, statement: Any) -> None:
        async with self.reception.tx() as tx:
            await tx.session.execute(statement)


def _account(email: str, name: str, now: Any) -> Account:
    return Account.of(email, name, now, password_hash=password_hash())


def _scope(role: Role) -> list[str]:
    return Rights(role).scope.split() or ["nothing:at-all"]  # a stand takes an empty scope for everything
