"""What an organisation has switched on, and the policy about unconfirmed addresses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

FEATURES = '["api-keys", "audit-export", "custom-roles", "preferences"]'


def upgrade() -> None:
    """Organisations that are there have template `services` and every feature; older code adds the same."""
    _add("features", FEATURES)
    _add("templates", '["services"]')
    _add("own_modules", "{}")
    _add("own_features", "{}")
    op.add_column(
        "policies",
        sa.Column("require_verified_email", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def _add(name: str, value: str) -> None:
    op.add_column(
        "organisation", sa.Column(name, JSONB, nullable=False, server_default=sa.text(f"'{value}'::jsonb"))
    )
