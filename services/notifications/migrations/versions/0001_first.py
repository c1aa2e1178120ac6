"""The first release: the inbox, mails and their deliveries, and copies of members, organisations and owners."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import create_chassis_tables, isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Everything."""
    create_chassis_tables()
    create_notification()
    create_email_message()
    create_delivery()
    create_known_owner()
    create_known_member()
    create_known_organisation()


def create_notification() -> None:
    """What people are told."""
    op.create_table(
        "notification",
        *aggregate("notification"),
        sa.Column("recipient_id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("title", sa.String(400), nullable=False),
        sa.Column("body", sa.String(1000), nullable=False),
        sa.Column("link", sa.String(255), nullable=False),
        sa.Column("about_type", sa.String(64), nullable=False),
        sa.Column("about_id", sa.Uuid, nullable=False),
        sa.Column("actor_kind", sa.String(8), nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.Column("archived_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("org_id", "event_id", "recipient_id", "type", name="uq_notification_once"),
        sa.CheckConstraint("actor_kind IN ('user', 'key', 'system')", name="ck_notification_actor_kind"),
    )
    recipient = ["org_id", "recipient_id", "created_at"]
    op.create_index("ix_notification_recipient", "notification", recipient)
    op.create_index(
        "ix_notification_unread",
        "notification",
        recipient,
        postgresql_where=sa.text("read_at IS NULL AND archived_at IS NULL"),
    )
    isolate("notification")


def create_email_message() -> None:
    """What is mailed."""
    op.create_table(
        "email_message",
        *aggregate("email_message"),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("message_id", sa.String(255)),
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("to_address", sa.String(320), nullable=False),
        sa.Column("recipient_id", sa.Uuid),
        sa.Column("about_type", sa.String(64), nullable=False),
        sa.Column("about_id", sa.Uuid, nullable=False),
        sa.Column("content", JSONB, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("org_id", "event_id", "template", "to_address", name="uq_email_message_once"),
        sa.UniqueConstraint("org_id", "message_id", name="uq_email_message_message_id"),
    )
    isolate("email_message")


def create_delivery() -> None:
    """What became of mails."""
    op.create_table(
        "delivery",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("mail_id", sa.Uuid, nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("interruptions", sa.SmallInteger, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.String(500)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_delivery"),
        sa.ForeignKeyConstraint(
            ["org_id", "mail_id"],
            ["email_message.org_id", "email_message.id"],
            name="fk_delivery_org_id_mail_id",
        ),
        sa.UniqueConstraint("org_id", "mail_id", name="uq_delivery_mail"),
        sa.CheckConstraint("channel IN ('e-mail')", name="ck_delivery_channel"),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'retry', 'delivered', 'dead')", name="ck_delivery_state"
        ),
        sa.CheckConstraint(
            "(state = 'delivered') = (delivered_at IS NOT NULL)", name="ck_delivery_delivered"
        ),
        sa.CheckConstraint(
            "(state IN ('queued', 'retry', 'sending')) = (next_at IS NOT NULL)", name="ck_delivery_next"
        ),
    )
    op.create_index("ix_delivery_state", "delivery", ["org_id", "state", "created_at"])
    isolate("delivery")


def create_known_owner() -> None:
    """Who owns which deal and lead."""
    op.create_table(
        "known_owner",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("entity_type", sa.String(64), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("owner_id", sa.Uuid),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "entity_type", "id", name="pk_known_owner"),
    )
    isolate("known_owner")


def create_known_member() -> None:
    """Copies of members."""
    create_copy(
        "known_member",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("title", sa.String(255)),
    )
    op.create_index("ix_known_member_role", "known_member", ["org_id", "role"])


def create_known_organisation() -> None:
    """Copies of organisations."""
    create_copy(
        "known_organisation",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("modules", JSONB, nullable=False),
        sa.Column("legal", JSONB),
        sa.Column("guardrails", JSONB, nullable=False),
    )


def aggregate(table: str) -> list[sa.Column[object] | sa.PrimaryKeyConstraint]:
    """The columns of every aggregate."""
    return [
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=f"pk_{table}"),
    ]


def create_copy(table: str, *columns: sa.Column[object]) -> None:
    """A table of copies: the owner's id and version, when it arrived, and what is copied."""
    op.create_table(
        table,
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("org_id", "id", name=f"pk_{table}"),
    )
    isolate(table)
