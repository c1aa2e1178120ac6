"""The figures of the dashboard beside the score of each day, for its trends."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Empty for the days that are there: nobody knows any more what was shown."""
    op.add_column("health_snapshot", sa.Column("kpis", JSONB))
