"""Since when the rows of an import are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """A column that nothing has to be written into."""
    op.add_column("import_file", sa.Column("expired_at", sa.DateTime(timezone=True)))
