"""Rows: the columns every aggregate has, and the tables the chassis itself keeps in each database."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Instant = DateTime(timezone=True)


def service_metadata() -> MetaData:
    """Metadata for one service's own tables, with the house's constraint names."""
    return MetaData(naming_convention=NAMING)


class Recorded:
    """Mixin of a row with a history: who changed what is noted in the organisation in which they did it."""

    entity_type: ClassVar[str]
    """The API's token of the type, such as WORK_ITEM: what activity and the audit log say."""
    redacted: ClassVar[frozenset[str]] = frozenset()
    """Columns whose values never leave the row."""
    amounts: ClassVar[Mapping[str, str]] = {}
    """Columns of minor units (in the row's `currency`) and the API's names for the amounts they hold."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class Aggregate(Recorded):
    """Mixin with the columns of every aggregate; all keys start with the organisation."""

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)


metadata = service_metadata()

PENDING = "published_at IS NULL AND quarantined_at IS NULL"

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("org_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("aggregate_type", String(64), nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("aggregate_version", Integer, nullable=False),
    Column("type", String(128), nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("published_at", Instant),
    Column("quarantined_at", Instant),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("is_bulk", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("org_id", "id"),
    UniqueConstraint("org_id", "event_id"),
    Index("ix_outbox_pending", "id", postgresql_where=text(PENDING)),
    Index("ix_outbox_prompt", "id", postgresql_where=text(f"{PENDING} AND NOT is_bulk")),
    Index("ix_outbox_bulk", "aggregate_id", postgresql_where=text(f"{PENDING} AND is_bulk")),
    Index("ix_outbox_published", "published_at", postgresql_where=text("published_at IS NOT NULL")),
)

inbox = Table(
    "inbox",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("consumer", String(64), nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("received_at", Instant, nullable=False),
    PrimaryKeyConstraint("org_id", "consumer", "event_id"),
    Index("ix_inbox_received_at", "received_at"),
)

parked_event = Table(
    "parked_event",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("consumer", String(64), nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", String(128), nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("parked_at", Instant, nullable=False),
    PrimaryKeyConstraint("org_id", "consumer", "event_id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("principal", Uuid, nullable=False),
    Column("method", String(8), nullable=False),
    Column("route", String(255), nullable=False),
    Column("key", String(255), nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("org_id", "principal", "method", "route", "key"),
    Index("ix_idempotency_created_at", "created_at"),
)

ACTIVE_RUNS = ("queued", "running")

job_run = Table(
    "job_run",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", String(64), nullable=False),
    Column("slot", Instant, nullable=False),
    Column("status", String(16), nullable=False),
    Column("request_id", String(64)),
    Column("queued_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("attempts", SmallInteger, nullable=False),
    Column("error", String(500)),
    PrimaryKeyConstraint("org_id", "id"),
    CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed')", name="status"),
    UniqueConstraint("org_id", "name", "slot"),
    UniqueConstraint("org_id", "name", "request_id"),
    Index(
        "uq_job_run_active",
        "org_id",
        "name",
        unique=True,
        postgresql_where=text("status IN ('queued', 'running')"),
    ),
    Index("ix_job_run_newest", "org_id", "name", "queued_at"),
    Index("ix_job_run_finished_at", "finished_at"),
)

activity = Table(
    "activity",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("entity_type", String(64), nullable=False),
    Column("entity_id", Uuid, nullable=False),
    Column("action", String(64), nullable=False),
    Column("actor", JSONB, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("request_id", String(64)),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("org_id", "id"),
    Index("ix_activity_entity", "org_id", "entity_type", "entity_id", "at"),
)
