"""Which features an organisation has on."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

EVERY = '["api-keys", "audit-export", "custom-roles", "preferences"]'


def upgrade() -> None:
    """Organisations that are known already have every one; older code adds the same."""
    op.add_column(
        "known_organisation",
        sa.Column("features", JSONB, nullable=False, server_default=sa.text(f"'{EVERY}'::jsonb")),
    )
