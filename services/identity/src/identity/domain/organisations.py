"""Organisations: the tenants, and the rules of their slugs."""

import json
import re
import unicodedata
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from itertools import chain, count
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, TextClause, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict
from chassis.ids import new_id
from chassis.rows import Aggregate
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


class OrganisationState(StrEnum):
    """Where an organisation is in its life."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"
    INACTIVE = "inactive"
    ARCHIVED = "archived"
    PROVISIONING_FAILED = "provisioning_failed"


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
    created_by_user_id: Mapped[UUID | None]

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
        if not self.is_active:
            raise OrganisationInactive("This organisation is not active.")

    def touch(self, now: datetime) -> None:
        """Move the version because of a change in its policies or legal profile, which are part of its snapshot."""
        self.version += 1
        self.updated_at = now


def slug_of(name: str) -> str:
    """A slug made of a name; `organisation` when nothing of the name can be in a slug."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].strip("-")
    return slug if len(slug) > 1 else "organisation"


def free_slug(wanted: str, taken: Collection[str]) -> str:
    """The wanted slug, or with the first free suffix from -2 to -999; SlugTaken when there is none."""
    for number in chain([1], count(2)):
        suffix = "" if number == 1 else f"-{number}"
        candidate = wanted[: MAX_SLUG - len(suffix)].rstrip("-") + suffix
        if candidate not in taken and candidate not in RESERVED:
            return candidate
        if number >= MAX_SUFFIX:
            break
    raise SlugTaken("This slug and its variants are taken.")
