"""Merges of companies, and what they have brought to another one."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import isolate

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Both are empty: what was merged before is where it was."""
    op.create_table(
        "known_merge",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("merged_id", sa.Uuid, nullable=False),
        sa.Column("survivor_id", sa.Uuid, nullable=False),
        sa.Column("is_reverted", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_known_merge"),
    )
    op.create_index("ix_known_merge_merged", "known_merge", ["org_id", "merged_id"])
    op.create_table(
        "company_move",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("row_id", sa.Uuid, nullable=False),
        sa.Column("from_id", sa.Uuid, nullable=False),
        sa.Column("to_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "row_id", name="pk_company_move"),
    )
    for table in ("known_merge", "company_move"):
        isolate(table)
