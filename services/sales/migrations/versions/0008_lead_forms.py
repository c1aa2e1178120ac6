"""Public forms for leads."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.migrations import isolate

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Of a form's token only a digest is kept."""
    op.create_table(
        "lead_form",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("owner_user_id", sa.Uuid),
        sa.Column("tags", ARRAY(sa.String(50)), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_lead_form"),
    )
    op.create_index("uq_lead_form_digest", "lead_form", ["digest"], unique=True)
    op.create_index("ix_lead_form_created", "lead_form", ["org_id", "created_at", "id"])
    isolate("lead_form")
