"""What organisations have defined and changed of roles: who may read what a notification is about."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import isolate

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Empty: `python -m notifications backfill` asks identity for the roles that are there already."""
    op.create_table(
        "known_role",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(64)),
        sa.Column("permissions", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_known_role"),
    )
    op.create_index("ix_known_role_key", "known_role", ["org_id", "key"])
    isolate("known_role")
