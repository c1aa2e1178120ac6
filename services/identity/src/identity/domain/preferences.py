"""Preferences: how a person wants to see things in one organisation; the platform only keeps them."""

import json
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate
from identity.domain.rows import Row

MAX_BYTES = 16 * 1024


class Preferences(Row, Aggregate):
    """The choices of one member; `id` is the person's."""

    __tablename__ = "preferences"
    __table_args__ = (ForeignKeyConstraint(["org_id", "id"], ["membership.org_id", "membership.id"]),)
    entity_type: ClassVar[str] = "PREFERENCES"
    # Whoever reads the audit log need not know how somebody likes their screen.
    redacted: ClassVar[frozenset[str]] = frozenset({"choices"})

    choices: Mapped[dict[str, Any]] = mapped_column(JSONB)

    @classmethod
    def of(cls, org_id: UUID, user_id: UUID, choices: dict[str, Any], now: datetime) -> "Preferences":
        """The first choices of somebody."""
        return cls(org_id=org_id, id=user_id, version=1, created_at=now, updated_at=now, choices=choices)


def check_choices(choices: dict[str, Any]) -> dict[str, Any]:
    """The choices, if they can be kept and are not too many; ValueError otherwise."""
    try:
        written = json.dumps(choices, ensure_ascii=False, allow_nan=False)
        size = len(written.encode())
    except (ValueError, RecursionError):
        raise ValueError("must be JSON text and finite numbers") from None
    if size > MAX_BYTES:
        raise ValueError(f"must be at most {MAX_BYTES} bytes of JSON")
    return choices
