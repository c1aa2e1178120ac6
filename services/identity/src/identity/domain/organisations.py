"""Organisations: the tenants, and the rules of their slugs."""

import json
import re
import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, count
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, String, TextClause, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict, Unavailable
from chassis.ids import new_id
from chassis.rows import Aggregate
from chassis.states import check_move
from chassis.tenants import OrganisationInactive
from identity.domain.modules import FEATURES, FIRST_TEMPLATE, Switches
from identity.domain.rows import Row

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])")
MAX_SLUG = 63
MAX_SUFFIX = 999
RESERVED = frozenset({
    "admin", "api", "app", "assets", "docs", "information-schema", "mail", "platform", "public", "static", "status",
    "support", "www",
})  # fmt: skip
RESERVED_PREFIXES = ("pg-", "xn--")
"""PostgreSQL's own names, and labels that browsers show as other text than they are."""
MAX_ERROR = 500
GRACE = timedelta(days=30)
"""How long an organisation that is to be deleted can still be revived."""


class OrganisationState(StrEnum):
    """Where an organisation is in its life."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"
    INACTIVE = "inactive"
    ARCHIVED = "archived"
    PROVISIONING_FAILED = "provisioning_failed"


MOVES = {
    OrganisationState.PROVISIONING: frozenset(
        {OrganisationState.ACTIVE, OrganisationState.PROVISIONING_FAILED}
    ),
    OrganisationState.PROVISIONING_FAILED: frozenset(
        {OrganisationState.PROVISIONING, OrganisationState.ARCHIVED}
    ),
    OrganisationState.ACTIVE: frozenset({OrganisationState.INACTIVE, OrganisationState.ARCHIVED}),
    OrganisationState.INACTIVE: frozenset({OrganisationState.ACTIVE, OrganisationState.ARCHIVED}),
    OrganisationState.ARCHIVED: frozenset({OrganisationState.ACTIVE, OrganisationState.PROVISIONING_FAILED}),
}


class SlugTaken(Conflict):
    """Another organisation has the slug and all its variants."""

    reason = "SLUG_TAKEN"


def _json(*values: str) -> TextClause:
    return text(f"'{json.dumps(values)}'::jsonb")


class Organisation(Row, Aggregate):
    """A tenant; `id` and `org_id` are the same. Its version also moves with its policies and legal profile."""

    __tablename__ = "organisation"
    __table_args__ = (
        UniqueConstraint("org_id"),
        # The one name that is unique across tenants: hosts are made of it.
        UniqueConstraint("slug"),
        CheckConstraint("id = org_id", name="id"),
        CheckConstraint(
            f"status IN ({', '.join(repr(state.value) for state in OrganisationState)})", name="status"
        ),
        Index("ix_organisation_created_by", "created_by_user_id", "created_at"),
    )
    entity_type: ClassVar[str] = "ORGANISATION"

    name: Mapped[str] = mapped_column(String(80))
    slug: Mapped[str] = mapped_column(String(63))
    status: Mapped[str] = mapped_column(String(32))
    time_zone: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    locale: Mapped[str] = mapped_column(String(35))
    modules: Mapped[list[str]] = mapped_column(JSONB)
    # The defaults are for rows that older code adds.
    features: Mapped[list[str]] = mapped_column(JSONB, server_default=_json(*sorted(FEATURES)))
    templates: Mapped[list[str]] = mapped_column(JSONB, server_default=_json(FIRST_TEMPLATE))
    own_modules: Mapped[dict[str, bool]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    own_features: Mapped[dict[str, bool]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    branding: Mapped[dict[str, str | None]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    created_by_user_id: Mapped[UUID | None]
    last_error: Mapped[str | None] = mapped_column(String(MAX_ERROR))
    deletion_due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @classmethod
    def provision(cls, name: str, slug: str, now: datetime) -> "Organisation":
        """A new organisation that is still to be furnished; nothing is switched on, nobody is let in."""
        organisation = cls.found(name, slug, by=None, now=now)
        organisation.status = OrganisationState.PROVISIONING
        organisation.switches = Switches((), {}, {})
        return organisation

    @classmethod
    def found(cls, name: str, slug: str, *, by: UUID | None, now: datetime) -> "Organisation":
        """A new, active organisation with the defaults of spec/wire.md 8."""
        org_id = new_id()
        organisation = cls(
            org_id=org_id,
            id=org_id,
            version=1,
            created_at=now,
            updated_at=now,
            name=name,
            slug=slug,
            status=OrganisationState.ACTIVE,
            time_zone="UTC",
            currency="EUR",
            locale="en",
            branding={},
            settings={},
            created_by_user_id=by,
        )
        organisation.switches = Switches((FIRST_TEMPLATE,), {}, {})
        return organisation

    @property
    def switches(self) -> Switches:
        """What templates and the organisation itself have switched."""
        return Switches(tuple(self.templates), self.own_modules, self.own_features)

    @switches.setter
    def switches(self, wanted: Switches) -> None:
        self.templates, self.modules = list(wanted.templates), wanted.modules_on()
        self.own_modules, self.own_features = dict(wanted.modules), dict(wanted.features)
        self.features = wanted.features_on()

    @property
    def is_active(self) -> bool:
        """Whether its members may work in it."""
        return self.status == OrganisationState.ACTIVE

    def check_active(self) -> None:
        """Raise OrganisationInactive unless its members may work in it."""
        check_active(self.status)

    def check_reachable(self) -> None:
        """What its own host answers."""
        check_reachable(self.status)

    def activate(self, now: datetime, *, is_complete: bool) -> None:
        """Let its members work, which also revokes a deletion; what was never furnished goes back to be retried."""
        if self.deletion_due_at is not None and self.deletion_due_at <= now:
            raise Conflict("This organisation is being deleted.")
        state = OrganisationState.ACTIVE if is_complete else OrganisationState.PROVISIONING_FAILED
        self._move(state)
        self.deletion_due_at = None
        if is_complete:
            self.last_error = None

    def deactivate(self) -> None:
        """Let nobody in for now."""
        self._move(OrganisationState.INACTIVE)

    def archive(self) -> None:
        """Let nobody in any more; the data stays."""
        if self.status != OrganisationState.ARCHIVED:
            self._move(OrganisationState.ARCHIVED)

    def schedule_deletion(self, now: datetime) -> None:
        """Archive, and delete after the days of grace; asked again, the first date stays."""
        self.archive()
        self.deletion_due_at = self.deletion_due_at or now + GRACE

    def fail(self, reason: str) -> None:
        """It could not be furnished."""
        self._move(OrganisationState.PROVISIONING_FAILED)
        self.last_error = reason[:MAX_ERROR]

    def retry(self) -> None:
        """Furnish it again."""
        self._move(OrganisationState.PROVISIONING)
        self.last_error = None

    def _move(self, wanted: OrganisationState) -> None:
        check_move(MOVES, OrganisationState(self.status), wanted)
        self.status = wanted

    def touch(self, now: datetime) -> None:
        """Move the version because of a change in its policies or legal profile, which are part of its snapshot."""
        self.version += 1
        self.updated_at = now


def is_reserved(slug: str) -> bool:
    """Whether no organisation may have the slug."""
    return slug in RESERVED or slug.startswith(RESERVED_PREFIXES)


def check_active(status: str) -> None:
    """Raise OrganisationInactive unless members may work in an organisation of that status."""
    if status != OrganisationState.ACTIVE:
        raise OrganisationInactive("This organisation is not active.")


def check_reachable(status: str) -> None:
    """What its own host answers: Unavailable where it could not be furnished, else like `check_active`."""
    if status == OrganisationState.PROVISIONING_FAILED:
        raise Unavailable("This organisation is not ready yet.")
    check_active(status)


def slug_of(name: str) -> str:
    """A slug made of a name; `organisation` when nothing of the name can be in a slug."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if slug.startswith(RESERVED_PREFIXES):
        slug = f"the-{slug}"
    slug = slug[:MAX_SLUG].strip("-")
    return slug if len(slug) > 1 else "organisation"


def free_slug(wanted: str, taken: Collection[str]) -> str:
    """The wanted slug, or with the first free suffix from -2 to -999; SlugTaken when there is none."""
    for number in chain([1], count(2)):
        suffix = "" if number == 1 else f"-{number}"
        candidate = wanted[: MAX_SLUG - len(suffix)].rstrip("-") + suffix
        if candidate not in taken and not is_reserved(candidate):
            return candidate
        if number >= MAX_SUFFIX:
            break
    raise SlugTaken("This slug and its variants are taken.")
