"""Imports: a file of rows that become companies, contacts, leads or deals, and how far that has come."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict
from chassis.rows import Aggregate, Instant
from chassis.states import IllegalTransition, check_move
from sales.domain.rows import Row

KEPT = timedelta(days=30)
"""How long after the last thing that was done with an import its rows are there: what somebody has sent is not ours."""
ERROR_LENGTH = 500
BEHIND_THE_LAST = 2**31 - 1


class Entity(StrEnum):
    """What the rows of a file become."""

    COMPANY = "company"
    CONTACT = "contact"
    LEAD = "lead"
    DEAL = "deal"

    @property
    def permission(self) -> str:
        """What whoever imports such rows must be allowed."""
        return f"{'companies' if self is Entity.COMPANY else f'{self.value}s'}:import"


class ImportStatus(StrEnum):
    """Where an import stands."""

    UPLOADED = "uploaded"
    MAPPED = "mapped"
    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    REVERTING = "reverting"
    REVERTED = "reverted"
    FAILED = "failed"


class DuplicatePolicy(StrEnum):
    """What becomes of a row that is there already."""

    SKIP = "skip"
    UPDATE = "update"
    CREATE = "create"


class Verdict(StrEnum):
    """What becomes of a row of the file."""

    CREATE = "create"
    UPDATE = "update"
    SKIP = "skip"
    INVALID = "invalid"


IMPORT_MOVES: Mapping[ImportStatus, frozenset[ImportStatus]] = {
    ImportStatus.UPLOADED: frozenset({ImportStatus.MAPPED}),
    ImportStatus.MAPPED: frozenset({ImportStatus.MAPPED, ImportStatus.CHECKING, ImportStatus.APPLYING}),
    ImportStatus.CHECKING: frozenset({ImportStatus.CHECKED, ImportStatus.FAILED}),
    ImportStatus.CHECKED: frozenset({ImportStatus.MAPPED, ImportStatus.CHECKING, ImportStatus.APPLYING}),
    ImportStatus.APPLYING: frozenset({ImportStatus.APPLIED, ImportStatus.FAILED}),
    ImportStatus.APPLIED: frozenset({ImportStatus.REVERTING}),
    ImportStatus.REVERTING: frozenset({ImportStatus.REVERTED, ImportStatus.FAILED}),
    ImportStatus.REVERTED: frozenset(),
    # What failed before its first row was applied can begin again, later it can only be undone.
    ImportStatus.FAILED: frozenset({ImportStatus.MAPPED, ImportStatus.REVERTING}),
}

ENDS: Mapping[ImportStatus, ImportStatus] = {
    ImportStatus.CHECKING: ImportStatus.CHECKED,
    ImportStatus.APPLYING: ImportStatus.APPLIED,
    ImportStatus.REVERTING: ImportStatus.REVERTED,
}
"""What is under way, and what it becomes."""

NO_COUNTS: Mapping[str, int] = {
    "valid": 0,
    "invalid": 0,
    "create": 0,
    "update": 0,
    "skip": 0,
    "reverted": 0,
    "kept": 0,
}
"""`kept` are rows that somebody has changed since, which reverting leaves alone."""


class ImportExpired(Conflict):
    """The rows of an import are kept for a while only; without them nothing can be done with it."""

    reason = "IMPORT_EXPIRED"


class Import(Row, Aggregate):
    """A file and what is to become of its rows; `cursor` is the number of the last row that is done."""

    __tablename__ = "import_file"
    __table_args__ = (
        CheckConstraint("entity IN ('company', 'contact', 'lead', 'deal')", name="entity"),
        CheckConstraint(
            "status IN ('uploaded', 'mapped', 'checking', 'checked', 'applying', 'applied', 'reverting', 'reverted',"
            " 'failed')",
            name="status",
        ),
        CheckConstraint("duplicate_policy IN ('skip', 'update', 'create')", name="duplicate_policy"),
        Index("ix_import_file_created", "org_id", "created_at", "id"),
    )
    entity_type: ClassVar[str] = "IMPORT"
    redacted: ClassVar[frozenset[str]] = frozenset({"starter"})

    entity: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    file_name: Mapped[str] = mapped_column(String(255))
    format: Mapped[str] = mapped_column(String(32))
    columns: Mapped[list[str]] = mapped_column(JSONB)
    suggested_mapping: Mapped[dict[str, str]] = mapped_column(JSONB)
    mapping: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    duplicate_policy: Mapped[str | None] = mapped_column(String(8))
    match_by: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    total: Mapped[int] = mapped_column(Integer, default=0)
    done: Mapped[int] = mapped_column(Integer, default=0)
    cursor: Mapped[int] = mapped_column(Integer, default=0)
    counters: Mapped[dict[str, int]] = mapped_column(JSONB)
    starter: Mapped[dict[str, Any]] = mapped_column(JSONB)
    error: Mapped[str | None] = mapped_column(String(ERROR_LENGTH))
    applied_at: Mapped[datetime | None] = mapped_column(Instant)
    expired_at: Mapped[datetime | None] = mapped_column(Instant)

    def map(self, mapping: dict[str, str], policy: DuplicatePolicy, match_by: list[str]) -> None:
        """From now on the columns mean these fields; whatever was checked before is forgotten."""
        self._move(ImportStatus.MAPPED)
        self.mapping, self.duplicate_policy, self.match_by = mapping, policy.value, match_by
        self._rewind()

    def start(self, phase: ImportStatus, starter: dict[str, Any], now: datetime) -> None:
        """Checking, applying or reverting begins at the first row, on behalf of `starter`."""
        self._move(phase)
        kept = self.counters if phase is ImportStatus.REVERTING else None
        self.starter = starter
        self._rewind()
        if kept is not None:
            self.counters, self.cursor = kept, BEHIND_THE_LAST
        if phase is ImportStatus.APPLYING:
            self.applied_at = now

    def end(self) -> None:
        """Every row is done."""
        self._move(ENDS[ImportStatus(self.status)])

    def fail(self, error: str) -> None:
        """It cannot go on, for this reason."""
        self._move(ImportStatus.FAILED)
        self.error = error[:ERROR_LENGTH]

    def count(self, counted: Mapping[str, int], done: int, cursor: int) -> None:
        """So many more rows are done, the last of them at `cursor`."""
        self.counters = {name: self.counters.get(name, 0) + counted.get(name, 0) for name in NO_COUNTS}
        self.done += done
        self.cursor = cursor

    def expire(self, now: datetime) -> bool:
        """Its rows are nobody's any more; False while they may still be needed."""
        if self.expired_at is None and not self.is_running and self.updated_at < now - KEPT:
            self.expired_at = now
        return self.expired_at is not None

    @property
    def is_running(self) -> bool:
        """Whether rows are being worked on."""
        return ImportStatus(self.status) in ENDS

    def _move(self, status: ImportStatus) -> None:
        if self.expired_at is not None:
            raise ImportExpired(f"The rows of an import are kept for {KEPT.days} days; send the file again.")
        check_move(IMPORT_MOVES, ImportStatus(self.status), status)
        if status is ImportStatus.MAPPED and self.applied_at is not None:
            raise IllegalTransition(
                "Rows of this import have been applied; it can only be reverted.",
                **{"from": self.status, "to": status.value, "allowed": [ImportStatus.REVERTING.value]},
            )
        self.status = status.value

    def _rewind(self) -> None:
        self.done = self.cursor = 0
        self.error = None
        self.counters = dict(NO_COUNTS)


class ImportRow(Row):
    """One row of a file, its verdict, and what became of it."""

    __tablename__ = "import_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "import_id"], ["import_file.org_id", "import_file.id"], name="fk_import_row_file"
        ),
        CheckConstraint("verdict IN ('create', 'update', 'skip', 'invalid')", name="verdict"),
        CheckConstraint("outcome IN ('applied', 'reverted', 'kept')", name="outcome"),
        Index(
            "ix_import_row_match",
            "org_id",
            "import_id",
            "match_key",
            "number",
            postgresql_where=text("match_key IS NOT NULL"),
        ),
        Index(
            "ix_import_row_name",
            "org_id",
            "import_id",
            "unique_key",
            "number",
            postgresql_where=text("unique_key IS NOT NULL"),
        ),
        Index(
            "ix_import_row_entity",
            "org_id",
            "import_id",
            "entity_id",
            postgresql_where=text("entity_id IS NOT NULL"),
        ),
    )
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    cells: Mapped[list[str | None]] = mapped_column(JSONB)
    verdict: Mapped[str | None] = mapped_column(String(8))
    problems: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    duplicate: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    match_key: Mapped[str | None] = mapped_column(String(320))
    unique_key: Mapped[str | None] = mapped_column(String(320))
    entity_id: Mapped[UUID | None]
    entity_version: Mapped[int | None] = mapped_column(Integer)
    company_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    outcome: Mapped[str | None] = mapped_column(String(8))
