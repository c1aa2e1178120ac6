"""When the newest attempts of a bucket failed, so that a spike of them is noticed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Older code leaves both alone."""
    op.add_column(
        "login_attempts",
        sa.Column(
            "newest", ARRAY(sa.DateTime(timezone=True)), nullable=False, server_default=sa.text("'{}'")
        ),
    )
    op.add_column("login_attempts", sa.Column("spiked_at", sa.DateTime(timezone=True)))
