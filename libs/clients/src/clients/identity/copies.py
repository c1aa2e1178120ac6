"""How another service keeps its copy of organisations and members: columns, facts, and what ends a token.

A service declares `class KnownMember(Row, MemberCopy): __tablename__ = "known_member"`, puts `member_facts(...)` into
its handlers and `WATCHES` into its composition.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from chassis.erasure import erase_later
from chassis.errors import DependencyUnavailable, NotFound
from chassis.inbox import Handlers, Received
from chassis.replica import Copy, Replica
from chassis.runtime import Runtime
from chassis.tenants import Rules
from chassis.tx import Source, Tx
from chassis.watches import Watches
from clients.identity.client import Identity, IdentityClient
from clients.identity.types import Member, Organisation, Policies, Role, member_of, organisation_of, role_of

MEMBER_FACTS = ("invited", "joined", "updated", "role_changed", "suspended", "reactivated", "removed")
EVERY_FEATURE = """'["api-keys", "audit-export", "custom-roles", "preferences"]'::jsonb"""
"""What copies have that were made before there were features."""
ENDED = frozenset({"suspended", "removed"})
ORGANISATION_FACTS = (
    "identity.organisation.created.v1",
    "identity.organisation.updated.v1",
    "identity.organisation.activated.v1",
    "identity.organisation.deactivated.v1",
    "identity.organisation.archived.v1",
    "identity.policies.changed.v1",
    "identity.module.enabled.v1",
    "identity.module.disabled.v1",
)
ADMINISTERING = frozenset(
    f"{resource}:manage"
    for resource in ("api-keys", "modules", "organisation", "ownership", "policies", "roles", "users")
)
"""Policy `requireSecondFactor: admins` is about whoever may do one of these, whatever their role is called."""


class MemberCopy(Copy):
    """Columns of a copy of members; `id` is the person's."""

    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    title: Mapped[str | None] = mapped_column(String(255))


class OrganisationCopy(Copy):
    """Columns of a copy of organisations; `id` and `org_id` are the same."""

    name: Mapped[str] = mapped_column(String(255))
    slug: Mapped[str] = mapped_column(String(63))
    status: Mapped[str] = mapped_column(String(32))
    time_zone: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    locale: Mapped[str] = mapped_column(String(35))
    modules: Mapped[list[str]] = mapped_column(JSONB)
    features: Mapped[list[str]] = mapped_column(JSONB, server_default=text(EVERY_FEATURE))
    legal: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    guardrails: Mapped[dict[str, Any]] = mapped_column(JSONB)

    @property
    def policies(self) -> Policies:
        """The organisation's policies; one that this copy does not know yet has its default."""
        known = {
            name: value for name, value in self.guardrails.items() if name in Policies.__dataclass_fields__
        }
        return Policies(**known)

    def has(self, module: str) -> bool:
        """Whether the organisation has switched that module on."""
        return module in self.modules


class RoleCopy(Copy):
    """Columns of a copy of what organisations have defined and changed of roles; one without key is deleted."""

    key: Mapped[str | None] = mapped_column(String(64))
    permissions: Mapped[list[str]] = mapped_column(JSONB)


def member_facts(members: Replica[Any]) -> Handlers:
    """Handlers that keep a copy of members."""

    async def on_member(tx: Tx, fact: Received) -> None:
        row = asdict(member_of(fact.org_id, fact.message.member))
        await members.keep(tx.session, [row], tx.now)

    return {f"identity.member.{name}.v1": on_member for name in MEMBER_FACTS}


def role_facts(roles: Replica[Any]) -> Handlers:
    """Handlers that keep a copy of roles."""

    async def on_role(tx: Tx, fact: Received) -> None:
        await roles.keep(tx.session, [role_row(role_of(fact.org_id, fact.message.role))], tx.now)

    async def on_deleted(tx: Tx, fact: Received) -> None:
        # Kept without its key: an older fact that arrives later must not bring it back.
        row = role_row(role_of(fact.org_id, fact.message.role))
        await roles.keep(tx.session, [row | {"key": None, "permissions": []}], tx.now)

    return {
        "identity.role.created.v1": on_role,
        "identity.role.updated.v1": on_role,
        "identity.role.deleted.v1": on_deleted,
    }


def organisation_facts(organisations: Replica[Any]) -> Handlers:
    """Handlers that keep a copy of organisations and their policies."""

    async def on_organisation(tx: Tx, fact: Received) -> None:
        row = organisation_row(organisation_of(fact.message.organisation))
        await organisations.keep(tx.session, [row], tx.now)

    return dict.fromkeys(ORGANISATION_FACTS, on_organisation)


async def on_organisation_deleted(tx: Tx, _fact: Received) -> None:
    """Nothing of the organisation is kept here either."""
    await erase_later(tx)


DELETION: Handlers = {"identity.organisation.deleted.v1": on_organisation_deleted}
"""What every service that has rows of organisations does when one is deleted."""


def organisation_row(organisation: Organisation) -> dict[str, Any]:
    """An organisation as a row of a copy."""
    return {
        "org_id": organisation.id,
        "id": organisation.id,
        "version": organisation.version,
        "name": organisation.name,
        "slug": organisation.slug,
        "status": organisation.status,
        "time_zone": organisation.time_zone,
        "currency": organisation.currency,
        "locale": organisation.locale,
        "modules": sorted(organisation.modules),
        "features": sorted(organisation.features),
        "legal": organisation.legal,
        "guardrails": asdict(organisation.policies),
    }


def role_row(role: Role) -> dict[str, Any]:
    """A role as a row of a copy."""
    return asdict(role) | {"permissions": sorted(role.permissions)}


async def ensure_members(
    members: Replica[Any], source: Source, identity: Identity, org_id: UUID, user_ids: list[UUID | None]
) -> None:
    """At a door, before the transaction: know these people, asking identity for those that are missing."""

    async def ask(org_id: UUID, missing: Any) -> list[Mapping[str, Any]]:
        return [asdict(member) for member in await identity.members(org_id, missing)]

    await members.ensure(source, org_id, user_ids, ask)


async def ensure_organisation(
    organisations: Replica[Any], source: Source, identity: Identity, org_id: UUID
) -> None:
    """At a door, before the transaction: know the organisation, asking identity when it is missing."""

    async def ask(org_id: UUID, _missing: Any) -> list[Mapping[str, Any]]:
        return [organisation_row(await identity.organisation(org_id))]

    await organisations.ensure(source, org_id, [org_id], ask)


async def get_organisation(organisations: Replica[Any], session: AsyncSession, org_id: UUID) -> Any:
    """The copy of the organisation; DependencyUnavailable while it has not arrived."""
    found = await organisations.find(session, org_id, org_id)
    if found is None:
        raise DependencyUnavailable("The organisation is not known here yet; try again.", service="identity")
    return found


def rules_of(organisation: Organisation) -> Rules:
    """What an organisation demands at the doors of every service."""
    policies = organisation.policies
    demanded: dict[str, frozenset[str] | None] = {"admins": ADMINISTERING, "all": None}
    return Rules(
        version=organisation.version,
        is_open=organisation.status == "active",
        modules=organisation.modules,
        features=organisation.features,
        networks=tuple(policies.ip_allowlist) if policies.ip_restriction_enabled else None,
        strong_permissions=demanded.get(policies.require_second_factor, frozenset()),
    )


def rules_in(organisations: Replica[Any]) -> Callable[[Runtime, UUID], Awaitable[Rules]]:
    """How a service with a copy of organisations looks up what one demands; asks identity when it is missing."""

    async def look_up(runtime: Runtime, org_id: UUID) -> Rules:
        try:
            await ensure_organisation(organisations, runtime.source, runtime.part(IdentityClient), org_id)
        except NotFound:
            return Rules(is_open=False)  # deleted, and the token outlives it by minutes
        async with runtime.source.database.session(org_id, read_only=True) as session:
            return rules_of(organisation_in(await get_organisation(organisations, session, org_id)))

    return look_up


def organisation_in(copy: OrganisationCopy) -> Organisation:
    """The organisation that a row of a copy tells."""
    return Organisation(
        id=copy.id,
        version=copy.version,
        name=copy.name,
        slug=copy.slug,
        status=copy.status,
        time_zone=copy.time_zone,
        currency=copy.currency,
        locale=copy.locale,
        modules=frozenset(copy.modules),
        legal=copy.legal,
        policies=copy.policies,
        features=frozenset(copy.features),
    )


def _end_session(runtime: Runtime, fact: Received, until: float) -> None:
    runtime.verifier.deny_list.end_session(fact.message.session_id, until)


def _raise_version(runtime: Runtime, fact: Received, until: float) -> None:
    member: Member = member_of(fact.org_id, fact.message.member)
    runtime.verifier.deny_list.raise_version(
        fact.org_id, member.id, member.version, until=until, is_removed=member.status in ENDED
    )


def _learn_rules(runtime: Runtime, fact: Received, _until: float) -> None:
    runtime.tenants.learn(fact.org_id, rules_of(organisation_of(fact.message.organisation)))


def _close(runtime: Runtime, fact: Received, _until: float) -> None:
    runtime.tenants.learn(fact.org_id, Rules(version=fact.version, is_open=False))


def _end_key(runtime: Runtime, fact: Received, until: float) -> None:
    # The key's id is what its tokens call their session.
    runtime.verifier.deny_list.end_session(fact.message.api_key.id, until)


WATCHES: Watches = {
    "identity.session.revoked.v1": _end_session,
    "identity.api_key.revoked.v1": _end_key,
    "identity.member.role_changed.v1": _raise_version,
    "identity.member.suspended.v1": _raise_version,
    "identity.member.removed.v1": _raise_version,
    **dict.fromkeys(ORGANISATION_FACTS, _learn_rules),
    "identity.organisation.deleted.v1": _close,
}
"""What identity says that ends or ages tokens, or changes what an organisation demands at the doors."""
