"""What organisations demand at the doors: modules, features, address list, second factor."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Empty for organisations that are there: identity is asked until the next fact of theirs, or a rebuild."""
    op.add_column("known_organisation", sa.Column("rules", JSONB))
