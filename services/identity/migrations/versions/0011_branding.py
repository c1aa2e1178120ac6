"""How an organisation looks, and what its console keeps for everybody."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    """Nothing is set for organisations that are there; older code adds the same."""
    for name in ("branding", "settings"):
        op.add_column(
            "organisation", sa.Column(name, JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"))
        )
