"""Public forms: how people who are nobody here yet become leads."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate
from sales.domain.rows import Row

SOURCE = "website"
MAX_TITLE = 255


class LeadForm(Row, Aggregate):
    """A form on somebody's website. Its token is all that whoever fills it in knows; only a digest of it is kept."""

    __tablename__ = "lead_form"
    __table_args__ = (
        # A token names nothing but itself; read by the system role only.
        Index("uq_lead_form_digest", "digest", unique=True),
        Index("ix_lead_form_created", "org_id", "created_at", "id"),
    )
    entity_type: ClassVar[str] = "LEAD_FORM"
    redacted: ClassVar[frozenset[str]] = frozenset({"digest"})

    name: Mapped[str] = mapped_column(String(255))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    source: Mapped[str] = mapped_column(String(100))
    owner_user_id: Mapped[UUID | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(50)), default=[], server_default=text("'{}'"))


def new_token() -> str:
    """256 random bits, as they are written in an address."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    """What recognises a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def lead_of(sent: Mapping[str, str | None]) -> dict[str, Any]:
    """The title and notes of the lead that somebody has become: nothing that they wrote is anything but text."""
    name, company = sent["name"], sent["company"]
    told = {
        "Name": name,
        "Company": company,
        "E-mail": sent["email"],
        "Phone": sent["phone"],
        "Message": sent["message"] and f"\n{sent['message']}",
    }
    notes = "\n".join(f"{label}: {value}" for label, value in told.items() if value)
    title = f"{name} ({company})" if company else f"{name}"
    return {"title": title[:MAX_TITLE], "notes": notes}
