"""What is kept so that rows are found, so that companies that look alike are, and so that a merge can be undone."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from sales.domain.rows import Row


class EntityType(StrEnum):
    """What can be found."""

    COMPANY = "company"
    CONTACT = "contact"
    LEAD = "lead"
    DEAL = "deal"


class SearchDocument(Row):
    """What one live row is shown as when it is found; written in the transaction of the row."""

    __tablename__ = "search_document"
    __table_args__ = (
        Index("ix_search_document_title", "org_id", "title_key"),
        Index("ix_search_document_company", "org_id", "company_id"),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    entity_type: Mapped[str] = mapped_column(String(16), primary_key=True)
    entity_id: Mapped[UUID] = mapped_column(primary_key=True)
    row_version: Mapped[int]
    title: Mapped[str] = mapped_column(String(255))
    title_key: Mapped[str] = mapped_column(String(255, collation="C"))
    subtitle: Mapped[str | None] = mapped_column(String(255))
    company_id: Mapped[UUID | None]


class SearchWord(Row):
    """One word that a row is found by.

    Not a `tsvector`: `@@` is not leakproof, so that under row level security no index of one is ever used.
    """

    __tablename__ = "search_word"
    __table_args__ = (Index("ix_search_word_entity", "org_id", "entity_id"),)

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(String(255, collation="C"), primary_key=True)
    entity_type: Mapped[str] = mapped_column(String(16), primary_key=True)
    entity_id: Mapped[UUID] = mapped_column(primary_key=True)
    weight: Mapped[int] = mapped_column(SmallInteger, primary_key=True)


class CompanyKey(Row):
    """What a company has in common with those that look like it."""

    __tablename__ = "company_key"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "company_id"], ["company.org_id", "company.id"], name="fk_company_key_company"
        ),
        Index("ix_company_key_value", "org_id", "kind", "value", "company_id"),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(String(255), primary_key=True)


class CompanyPair(Row):
    """Two companies that look alike; a score of 0 remembers that they did, so that it is told once."""

    __tablename__ = "company_pair"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "a_id"], ["company.org_id", "company.id"], name="fk_company_pair_a"),
        ForeignKeyConstraint(["org_id", "b_id"], ["company.org_id", "company.id"], name="fk_company_pair_b"),
        UniqueConstraint("org_id", "a_id", "b_id", name="uq_company_pair"),
        CheckConstraint("a_id < b_id", name="order"),
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        Index("ix_company_pair_b", "org_id", "b_id"),
        Index("ix_company_pair_score", "org_id", "score"),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    a_id: Mapped[UUID]
    b_id: Mapped[UUID]
    score: Mapped[int] = mapped_column(SmallInteger)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    detected_at: Mapped[datetime] = mapped_column(Instant)


class MergeLog(Row):
    """One company that went into another: both as they were, and the ids of what moved."""

    __tablename__ = "merge_log"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "survivor_id"], ["company.org_id", "company.id"], name="fk_merge_log_survivor"
        ),
        ForeignKeyConstraint(
            ["org_id", "merged_id"], ["company.org_id", "company.id"], name="fk_merge_log_merged"
        ),
        Index("ix_merge_log_survivor", "org_id", "survivor_id"),
        Index(
            "uq_merge_log_merged",
            "org_id",
            "merged_id",
            unique=True,
            postgresql_where=text("reverted_at IS NULL"),
        ),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    survivor_id: Mapped[UUID]
    merged_id: Mapped[UUID]
    actor: Mapped[dict[str, Any]] = mapped_column(JSONB)
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSONB)
    moved: Mapped[dict[str, Any]] = mapped_column(JSONB)
    merged_at: Mapped[datetime] = mapped_column(Instant)
    reverted_at: Mapped[datetime | None] = mapped_column(Instant)
