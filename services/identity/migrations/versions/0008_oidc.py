"""Signing in with OpenID providers: sign-ins that wait for an answer, and as whom providers know people."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import reserve

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Both empty."""
    op.create_table(
        "oidc_state",
        sa.Column("state_hash", sa.LargeBinary, nullable=False),
        sa.Column("browser_hash", sa.LargeBinary, nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("code_verifier", sa.String(128), nullable=False),
        sa.Column("org_slug", sa.String(63)),
        sa.Column("return_to", sa.String(512), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_oidc_state"),
    )
    op.create_index("ix_oidc_state_expires_at", "oidc_state", ["expires_at"])
    reserve("oidc_state")
    op.create_table(
        "external_identity",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_external_identity_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_external_identity"),
        sa.UniqueConstraint("provider", "subject", name="uq_external_identity_provider_subject"),
        sa.UniqueConstraint("user_id", "provider", name="uq_external_identity_user_id_provider"),
    )
    reserve("external_identity")
