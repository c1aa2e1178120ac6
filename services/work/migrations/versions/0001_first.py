"""The first release: work items, and copies of whom and what they refer to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import create_chassis_tables, isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Everything."""
    create_chassis_tables()
    create_work_item()
    create_known_member()
    create_known_organisation()
    create_known_company()
    create_known_deal()


def create_work_item() -> None:
    """What is promised."""
    op.create_table(
        "work_item",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("description", sa.String(20_000)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("due_date", sa.Date),
        sa.Column("assigned_to_user_id", sa.Uuid),
        sa.Column("company_id", sa.Uuid),
        sa.Column("deal_id", sa.Uuid),
        sa.Column("created_by_user_id", sa.Uuid),
        sa.Column("created_by", JSONB, nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.Column("archived_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_work_item"),
        sa.CheckConstraint(
            "status IN ('TODO', 'IN_PROGRESS', 'BLOCKED', 'DONE')", name="ck_work_item_status"
        ),
        sa.CheckConstraint("kind IN ('general', 'delivery')", name="ck_work_item_kind"),
        sa.CheckConstraint("priority BETWEEN 1 AND 3", name="ck_work_item_priority"),
        sa.CheckConstraint("(status = 'DONE') = (completed_at IS NOT NULL)", name="ck_work_item_completed"),
        sa.CheckConstraint("kind <> 'delivery' OR deal_id IS NOT NULL", name="ck_work_item_delivery"),
    )
    indexes = {
        "created": ["created_at"],
        "due": ["due_date"],
        "title": [sa.text("lower(title)")],
        "status": ["status", "created_at"],
        "priority": ["priority", "created_at"],
        "assignee": ["assigned_to_user_id", "created_at"],
        "company": ["company_id", "created_at"],
        "deal": ["deal_id", "created_at"],
    }
    for name, columns in indexes.items():
        op.create_index(f"ix_work_item_{name}", "work_item", ["org_id", *columns])
    op.create_index(
        "uq_work_item_delivery",
        "work_item",
        ["org_id", "deal_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'delivery'"),
    )
    isolate("work_item")


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


def create_known_company() -> None:
    """Copies of companies."""
    create_copy(
        "known_company",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("legal_name", sa.String(255)),
        sa.Column("address", JSONB),
        sa.Column("vat_id", sa.String(32)),
        sa.Column("email", sa.String(255)),
        sa.Column("owner_user_id", sa.Uuid),
        sa.Column("archived_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


def create_known_deal() -> None:
    """Copies of deals."""
    create_copy(
        "known_deal",
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("value_minor", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("expected_close_date", sa.Date),
        sa.Column("company_id", sa.Uuid, nullable=False),
        sa.Column("company_name", sa.String(255), nullable=False),
        sa.Column("contact_id", sa.Uuid),
        sa.Column("owner_user_id", sa.Uuid),
        sa.Column("won_at", sa.DateTime(timezone=True)),
        sa.Column("lost_at", sa.DateTime(timezone=True)),
        sa.Column("lost_reason", sa.String(1000)),
        sa.Column("lead_id", sa.Uuid),
        sa.Column("lead_created_at", sa.DateTime(timezone=True)),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


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
