"""Links in mails, and whether somebody has shown that their address is theirs."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import reserve

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nobody who is there has confirmed an address yet; older code adds people who have not either."""
    op.add_column("user_account", sa.Column("email_verified_at", sa.DateTime(timezone=True)))
    op.create_table(
        "mail_link",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("home_org_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("new_email", sa.String(254)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.Column("voided_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "kind IN ('PASSWORD_RESET', 'EMAIL_VERIFICATION', 'EMAIL_CHANGE')", name="ck_mail_link_kind"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_mail_link_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_mail_link"),
    )
    op.create_index("ix_mail_link_user_id_kind_created_at", "mail_link", ["user_id", "kind", "created_at"])
    op.create_index("ix_mail_link_expires_at", "mail_link", ["expires_at"])
    reserve("mail_link")
