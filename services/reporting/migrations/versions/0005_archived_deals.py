"""Deals that were put away count nowhere."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """None of those that are known is put away."""
    op.add_column("known_deal", sa.Column("archived_at", sa.DateTime(timezone=True)))
