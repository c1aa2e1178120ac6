"""The audit log: who did what, as a chain in which every entry carries the hash of all before it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from reporting.domain.rows import Row

START = bytes(32)
"""What the first entry of a chain carries as the hash before it."""

MIN_KEPT_DAYS = 180
"""Whatever the policy `auditRetentionDays` says (spec/wire.md 9)."""


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


class AuditCheckpoint(Row):
    """What is left of the beginning of a chain whose entries were kept for long enough: entries 1 to `seq`, signed."""

    __tablename__ = "audit_checkpoint"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    pruned_at: Mapped[datetime] = mapped_column(Instant)
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


class Purpose(Enum):
    """What a signature says: that a chain came this far, or that so many entries stood here and were pruned."""

    SEAL = b"execos.audit.seal.v1"
    CHECKPOINT = b"execos.audit.checkpoint.v1"


def sign(key: str, purpose: Purpose, org_id: UUID, seq: int, last_hash: bytes) -> bytes:
    """HMAC-SHA256 over a place of a chain; whoever can write the database but has no key cannot make it."""
    message = purpose.value + org_id.bytes + seq.to_bytes(8, "big") + last_hash
    return hmac.digest(key.encode(), message, "sha256")


def kept_days(wanted: int) -> int:
    """For how many days an entry is kept: as long as policy wants it, but not less than the floor."""
    return max(MIN_KEPT_DAYS, wanted)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value


@dataclass(frozen=True, slots=True)
class Pruned:
    """The entries that a checkpoint stands for: 1 to `seq`, and the hash of the last one."""

    seq: int = 0
    hash: bytes = START
    at: datetime | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a chain begins, where it says it ends, where its entries end, and its newest seal: from one statement."""

    pruned: Pruned
    seq: int
    hash: bytes
    last_seq: int
    sealed_seq: int


class Check:
    """Walks along a chain; `broken_at` is the first place where it does not hold."""

    def __init__(self, org_id: UUID, ends: Ends, key: str | None) -> None:
        self.checked = 0
        self._org_id = org_id
        self._ends = ends
        self._key = key
        self._hash = ends.pruned.hash
        self.broken_at: int | None = None if self._is_pruned_right(ends.pruned) else 1

    def walk(self, entries: Iterable[Any]) -> None:
        """Check the next entries, in order; each with the `seal_hash` and `signature` of its seal, if it has one."""
        for entry in entries:
            if self.broken_at is not None:
                return
            self._hash = hash_of(self._hash, entry)
            if entry.hash != self._hash or not self._is_sealed_right(entry):
                self.broken_at = self._place + 1
                return
            self.checked += 1

    def finish(self) -> None:
        """After the last entry: nothing may be missing at the end, nor follow it."""
        ends = self._ends
        is_whole = self._place == ends.seq == ends.last_seq >= ends.sealed_seq and self._hash == ends.hash
        if self.broken_at is None and not is_whole:
            self.broken_at = min(self._place, ends.seq) + 1

    @property
    def _place(self) -> int:
        return self._ends.pruned.seq + self.checked

    def _is_pruned_right(self, pruned: Pruned) -> bool:
        return self._is_signed_right(Purpose.CHECKPOINT, pruned.seq, pruned.hash, pruned.signature)

    def _is_sealed_right(self, entry: Any) -> bool:
        is_signed_right = self._is_signed_right(Purpose.SEAL, entry.seq, entry.hash, entry.signature)
        return is_signed_right and entry.seal_hash in {None, entry.hash}

    def _is_signed_right(self, purpose: Purpose, seq: int, last_hash: bytes, signature: bytes | None) -> bool:
        if signature is None or self._key is None:
            return True
        return hmac.compare_digest(signature, sign(self._key, purpose, self._org_id, seq, last_hash))
