"""API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import isolate

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Access for other systems; of a key's text only a digest is kept."""
    op.create_table(
        "api_key",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("scopes", JSONB, nullable=False),
        sa.Column("rate_limit_per_hour", sa.Integer, nullable=False),
        sa.Column("created_by_user_id", sa.Uuid, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("successor_id", sa.Uuid),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "created_by_user_id"], ["membership.org_id", "membership.id"], name="fk_api_key_org_id"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_api_key"),
    )
    op.create_index("ix_api_key_created_at", "api_key", ["org_id", "created_at", "id"])
    op.create_index("ix_api_key_creator", "api_key", ["org_id", "created_by_user_id"])
    op.create_index("ix_api_key_digest", "api_key", ["digest"])
    isolate("api_key")
