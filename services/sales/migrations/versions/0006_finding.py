"""What is searched for, what companies are compared by, which look alike, and which became one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.migrations import isolate

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Rows that are there come in by the job `index-rows`: what is read of text is Python's to say."""
    create_search_document()
    create_company_key()
    create_company_pair()
    create_merge_log()


def create_search_document() -> None:
    """One row for each live row that can be found, and its words."""
    op.create_table(
        "search_document",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("entity_type", sa.String(16), nullable=False),
        sa.Column("entity_id", sa.Uuid, nullable=False),
        sa.Column("row_version", sa.Integer, nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("title_key", sa.String(255, collation="C"), nullable=False),
        sa.Column("subtitle", sa.String(255)),
        sa.Column("company_id", sa.Uuid),
        sa.PrimaryKeyConstraint("org_id", "entity_type", "entity_id", name="pk_search_document"),
    )
    op.create_index("ix_search_document_title", "search_document", ["org_id", "title_key"])
    op.create_index("ix_search_document_company", "search_document", ["org_id", "company_id"])
    isolate("search_document")
    op.create_table(
        "search_word",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("word", sa.String(255, collation="C"), nullable=False),
        sa.Column("entity_type", sa.String(16), nullable=False),
        sa.Column("entity_id", sa.Uuid, nullable=False),
        sa.Column("weight", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "org_id", "word", "entity_type", "entity_id", "weight", name="pk_search_word"
        ),
    )
    op.create_index("ix_search_word_entity", "search_word", ["org_id", "entity_id"])
    isolate("search_word")


def create_company_key() -> None:
    """What companies have in common when they look alike."""
    op.create_table(
        "company_key",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("company_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "company_id", "kind", "value", name="pk_company_key"),
        sa.ForeignKeyConstraint(
            ["org_id", "company_id"], ["company.org_id", "company.id"], name="fk_company_key_company"
        ),
    )
    op.create_index("ix_company_key_value", "company_key", ["org_id", "kind", "value", "company_id"])
    isolate("company_key")


def create_company_pair() -> None:
    """Two companies that look alike, or did: a score of 0 remembers that it has been told."""
    op.create_table(
        "company_pair",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("a_id", sa.Uuid, nullable=False),
        sa.Column("b_id", sa.Uuid, nullable=False),
        sa.Column("score", sa.SmallInteger, nullable=False),
        sa.Column("reasons", ARRAY(sa.String(32)), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_company_pair"),
        sa.UniqueConstraint("org_id", "a_id", "b_id", name="uq_company_pair"),
        sa.ForeignKeyConstraint(
            ["org_id", "a_id"], ["company.org_id", "company.id"], name="fk_company_pair_a"
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "b_id"], ["company.org_id", "company.id"], name="fk_company_pair_b"
        ),
        sa.CheckConstraint("a_id < b_id", name="ck_company_pair_order"),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name="ck_company_pair_score"),
    )
    op.create_index("ix_company_pair_b", "company_pair", ["org_id", "b_id"])
    op.create_index("ix_company_pair_score", "company_pair", ["org_id", "score"])
    isolate("company_pair")


def create_merge_log() -> None:
    """Which company went into which, what it was, and what it took along."""
    op.create_table(
        "merge_log",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("survivor_id", sa.Uuid, nullable=False),
        sa.Column("merged_id", sa.Uuid, nullable=False),
        sa.Column("actor", JSONB, nullable=False),
        sa.Column("snapshot", JSONB, nullable=False),
        sa.Column("moved", JSONB, nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_merge_log"),
        sa.ForeignKeyConstraint(
            ["org_id", "survivor_id"], ["company.org_id", "company.id"], name="fk_merge_log_survivor"
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "merged_id"], ["company.org_id", "company.id"], name="fk_merge_log_merged"
        ),
    )
    op.create_index("ix_merge_log_survivor", "merge_log", ["org_id", "survivor_id"])
    op.create_index(
        "uq_merge_log_merged",
        "merge_log",
        ["org_id", "merged_id"],
        unique=True,
        postgresql_where=sa.text("reverted_at IS NULL"),
    )
    isolate("merge_log")
