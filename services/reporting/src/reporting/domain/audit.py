"""The audit log: who did what, as a chain in which every entry carries the hash of all before it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from reporting.domain.rows import Row

START = bytes(32)
"""What the first entry of a chain carries as the hash before it."""


class AuditEntry(Row):
    """One line of the log; the application may add and read, never change or delete.

    `before` and `after` are text, so that what was recorded is kept, and hashed, to the last digit.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        UniqueConstraint("org_id", "event_id"),
        Index("ix_audit_entry_at", "org_id", "at"),
        Index("ix_audit_entry_entity", "org_id", "entity_type", "entity_id", "at"),
        Index("ix_audit_entry_actor", "org_id", "actor_id", "at"),
        Index("ix_audit_entry_action", "org_id", "action", "at"),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID]
    event_id: Mapped[UUID]
    context: Mapped[str] = mapped_column(String(32))
    entity_type: Mapped[str] = mapped_column(String(64))
    entity_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(64))
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(String(255))
    actor_email: Mapped[str | None] = mapped_column(String(255))
    actor_kind: Mapped[str] = mapped_column(String(16))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(String(64))
    ip: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(Instant)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditHead(Row):
    """The end of an organisation's chain; its row lock lets only one entry be added at a time."""

    __tablename__ = "audit_head"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class AuditSeal(Row):
    """The end of a chain at some moment, signed with a key that is not in the database."""

    __tablename__ = "audit_seal"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime] = mapped_column(Instant)
    signature: Mapped[bytes] = mapped_column(LargeBinary)


WRITTEN = tuple(column.name for column in AuditEntry.__table__.c if column.name not in {"seq", "hash"})
"""What an entry says; its place and its hash come with the chain."""


def canonical(entry: Any) -> bytes:
    """What an entry says as bytes, always the same ones: a JSON array in the order of the table's columns."""
    return orjson.dumps([_plain(getattr(entry, name)) for name in WRITTEN])


def hash_of(before: bytes, entry: Any) -> bytes:
    """SHA-256 over the hash of the entry before, the place of this one (eight bytes) and what it says."""
    place = entry.seq.to_bytes(8, "big", signed=True)
    return hashlib.sha256(before + place + canonical(entry)).digest()


def sign(key: str, org_id: UUID, seq: int, head: bytes) -> bytes:
    """HMAC-SHA256 over the end of a chain; whoever can write the database but has no key cannot make it."""
    message = b"execos.audit.seal.v1" + org_id.bytes + seq.to_bytes(8, "big") + head
    return hmac.digest(key.encode(), message, "sha256")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value


@dataclass(frozen=True, slots=True)
class End:
    """Where a chain says it ends, where its entries end, and its newest seal: read in one statement."""

    seq: int
    hash: bytes
    last_seq: int
    sealed_seq: int


class Check:
    """Walks along a chain; `broken_at` is the first place where it does not hold."""

    def __init__(self, org_id: UUID, end: End, key: str | None) -> None:
        self.checked = 0
        self.broken_at: int | None = None
        self._org_id = org_id
        self._end = end
        self._key = key
        self._hash = START

    def walk(self, entries: Iterable[Any]) -> None:
        """Check the next entries, in order; each with the `seal_hash` and `signature` of its seal, if it has one."""
        for entry in entries:
            if self.broken_at is not None:
                return
            self._hash = hash_of(self._hash, entry)
            if entry.hash != self._hash or not self._is_sealed_right(entry):
                self.broken_at = self.checked + 1
                return
            self.checked += 1

    def finish(self) -> None:
        """After the last entry: nothing may be missing at the end, nor follow it."""
        end = self._end
        is_whole = self.checked == end.seq == end.last_seq >= end.sealed_seq and self._hash == end.hash
        if self.broken_at is None and not is_whole:
            self.broken_at = min(self.checked, end.seq) + 1

    def _is_sealed_right(self, entry: Any) -> bool:
        if entry.signature is None or self._key is None:
            return True
        wanted = sign(self._key, self._org_id, entry.seq, entry.hash)
        return bool(entry.seal_hash == entry.hash and hmac.compare_digest(entry.signature, wanted))
