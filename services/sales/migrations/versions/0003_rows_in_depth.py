"""Tags and fields of one's own, leads and deals that are put away, and what a company has gone into."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0003"
down_revision = "0002"

ENTITIES = ("company", "contact", "lead", "deal")


def upgrade() -> None:
    """Nothing changes for rows that are there."""
    for table in ENTITIES:
        op.add_column(
            table, sa.Column("tags", ARRAY(sa.String(50)), nullable=False, server_default=sa.text("'{}'"))
        )
        op.add_column(
            table, sa.Column("custom_fields", JSONB, nullable=False, server_default=sa.text("'{}'"))
        )
    for table in ("lead", "deal"):
        op.add_column(table, sa.Column("archived_at", sa.DateTime(timezone=True)))
    op.add_column("company", sa.Column("merged_into_id", sa.Uuid))
