"""Notes: what people write on a company, a contact, a lead or a deal."""

import re
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate
from sales.domain.rows import Row

MAX_BODY = 10_000
MAX_MENTIONS = 50

_MENTION = re.compile(
    r"@\[[^\]\n]{1,255}\]\(([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\)", re.ASCII
)


class Note(Row, Aggregate):
    """A text on a row of sales; `author` is who wrote it, as they were then."""

    __tablename__ = "note"
    __table_args__ = (
        CheckConstraint("entity_type IN ('COMPANY', 'CONTACT', 'LEAD', 'DEAL')", name="entity_type"),
        Index("ix_note_entity", "org_id", "entity_type", "entity_id", "created_at", "id"),
    )
    entity_type: ClassVar[str] = "NOTE"

    about_type: Mapped[str] = mapped_column("entity_type", String(16))
    about_id: Mapped[UUID] = mapped_column("entity_id")
    body: Mapped[str] = mapped_column(String(MAX_BODY))
    author: Mapped[dict[str, Any]] = mapped_column(JSONB)
    mentioned_user_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))

    def is_by(self, actor_id: UUID | None) -> bool:
        """Whether that actor wrote it."""
        return actor_id is not None and self.author["id"] == str(actor_id)

    def revise(self, body: str, mentioned: list[UUID], now: datetime) -> bool:
        """Another text from now on; False when it is the same."""
        if body == self.body:
            return False
        self.body, self.mentioned_user_ids = body, mentioned
        self.version += 1
        self.updated_at = now
        return True


def mentions_in(body: str) -> list[UUID]:
    """The people that a text names as `@[name](userId)`, each once, in order (spec/wire.md 2)."""
    found = dict.fromkeys(UUID(text) for text in _MENTION.findall(body))
    return list(found)[:MAX_MENTIONS]
