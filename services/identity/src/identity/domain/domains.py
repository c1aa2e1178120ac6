"""Domains: the hosts that lead to an organisation, unique in the whole deployment."""

import re
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict, Invalid, NotFound
from chassis.ids import new_id
from chassis.rows import Aggregate
from identity.domain.organisations import is_reserved
from identity.domain.rows import Row

MAX_HOST = 253
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")
"""A domain name of at least two labels; one that ends in a number would be an address."""


class HostTaken(Conflict):
    """Another domain has the host."""

    reason = "HOST_TAKEN"


class UnknownHost(NotFound):
    """No organisation has this host."""

    reason = "UNKNOWN_HOST"


class Domain(Row, Aggregate):
    """One host of an organisation."""

    __tablename__ = "domain"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organisation.org_id"]),
        UniqueConstraint("host"),
        Index("uq_domain_primary", "org_id", unique=True, postgresql_where=text("is_primary")),
    )
    entity_type: ClassVar[str] = "DOMAIN"

    host: Mapped[str] = mapped_column(String(MAX_HOST))
    is_primary: Mapped[bool]

    @classmethod
    def of(cls, org_id: UUID, host: str, now: datetime, *, is_primary: bool) -> "Domain":
        """A new domain."""
        return cls(
            org_id=org_id,
            id=new_id(),
            version=1,
            created_at=now,
            updated_at=now,
            host=host,
            is_primary=is_primary,
        )


def own_host(slug: str, root_domain: str) -> str:
    """The host that every organisation has by its slug."""
    return f"{slug}.{root_domain}"


def check_host(host: str, slug: str, *, root_domain: str, platform_host: str) -> None:
    """Invalid for hosts that are the platform's or, by its slug, another organisation's."""
    if host in {root_domain, platform_host}:
        raise Invalid.field("host", "is reserved")
    label = host.removesuffix(f".{root_domain}") if root_domain else host
    if label != host and is_reserved(label):
        raise Invalid.field("host", "is reserved")
    if label not in {host, slug}:
        raise Invalid.field("host", "is under the root domain, where only the own slug leads here")
