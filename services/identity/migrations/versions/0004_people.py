"""Invitations, roles of an organisation's own, and what everybody prefers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import isolate

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """A role may be any key of its organisation from now on; older code knows only the system's and writes no other."""
    op.drop_constraint("ck_membership_role", "membership", type_="check")
    op.add_column("membership", sa.Column("ended_at", sa.DateTime(timezone=True)))
    op.add_column("membership", sa.Column("ended_by_user_id", sa.Uuid))
    op.create_index("ix_membership_ended", "membership", ["org_id", "ended_by_user_id", "ended_at"])
    op.create_index("ix_membership_role", "membership", ["org_id", "role"])
    create_invitation()
    create_invitation_mail()
    create_role()
    create_role_override()
    create_preferences()


def create_invitation() -> None:
    """Offers to become a member."""
    op.create_table(
        "invitation",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120)),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("invited_by_user_id", sa.Uuid),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        *_aggregate(),
        sa.CheckConstraint("status IN ('pending', 'accepted', 'revoked')", name="ck_invitation_status"),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"], ["membership.org_id", "membership.id"], name="fk_invitation_org_id_user_id"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_invitation"),
    )
    op.create_index(
        "uq_invitation_pending",
        "invitation",
        ["org_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_invitation_created_at", "invitation", ["org_id", "created_at", "id"])
    op.create_index("ix_invitation_id", "invitation", ["id"])
    isolate("invitation")


def create_invitation_mail() -> None:
    """Each mail of an invitation, for the limit of whoever sends them."""
    op.create_table(
        "invitation_mail",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("invitation_id", sa.Uuid, nullable=False),
        sa.Column("sent_by_user_id", sa.Uuid),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "invitation_id"],
            ["invitation.org_id", "invitation.id"],
            name="fk_invitation_mail_org_id_invitation_id",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_invitation_mail"),
    )
    op.create_index("ix_invitation_mail_sent", "invitation_mail", ["org_id", "sent_by_user_id", "sent_at"])
    isolate("invitation_mail")


def create_role() -> None:
    """Roles that an organisation has defined."""
    op.create_table(
        "role",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("permissions", JSONB, nullable=False),
        *_aggregate(),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_role"),
        sa.UniqueConstraint("org_id", "key", name="uq_role_org_id_key"),
    )
    isolate("role")


def create_role_override() -> None:
    """What an organisation changes of system roles."""
    op.create_table(
        "role_override",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("grants", JSONB, nullable=False),
        sa.Column("denies", JSONB, nullable=False),
        *_aggregate(),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_role_override"),
        sa.UniqueConstraint("org_id", "key", name="uq_role_override_org_id_key"),
    )
    isolate("role_override")


def create_preferences() -> None:
    """How everybody wants to see things, per organisation."""
    op.create_table(
        "preferences",
        sa.Column("choices", JSONB, nullable=False),
        *_aggregate(),
        sa.ForeignKeyConstraint(
            ["org_id", "id"], ["membership.org_id", "membership.id"], name="fk_preferences_org_id_id"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_preferences"),
    )
    isolate("preferences")


def _aggregate() -> tuple[sa.Column, ...]:
    return (
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
