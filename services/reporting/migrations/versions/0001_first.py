"""The first release: facts, read models, the audit chain, the scores of the days."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import create_chassis_tables, isolate

revision = "0001"
down_revision = None

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Everything."""
    create_chassis_tables()
    create_fact()
    create_audit()
    create_health_snapshot()
    create_known_people()
    create_known_deal()
    create_known_work_item()
    create_known_invoice()


def create_fact() -> None:
    """What the models are rebuilt from."""
    op.create_table(
        "fact",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("aggregate_id", sa.Uuid, nullable=False),
        sa.Column("aggregate_version", sa.Integer, nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "event_id", name="pk_fact"),
    )
    op.create_index("ix_fact_at", "fact", ["org_id", "at"])
    op.create_index("ix_fact_aggregate", "fact", ["org_id", "aggregate_id", "aggregate_version"])
    isolate("fact", is_append_only=True)


def create_audit() -> None:
    """The chain, its end, and the seals on it."""
    op.create_table(
        "audit_entry",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("context", sa.String(32), nullable=False),
        sa.Column("entity_type", sa.String(64), nullable=False),
        sa.Column("entity_id", sa.Uuid),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("actor_name", sa.String(255), nullable=False),
        sa.Column("actor_email", sa.String(255)),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("request_id", sa.String(64)),
        sa.Column("ip", sa.String(64)),
        sa.Column("user_agent", sa.String(255)),
        sa.Column("at", Instant, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "seq", name="pk_audit_entry"),
        sa.UniqueConstraint("org_id", "event_id", name="uq_audit_entry_org_id_event_id"),
    )
    indexes = {
        "at": ["at"],
        "entity": ["entity_type", "entity_id", "at"],
        "actor": ["actor_id", "at"],
        "action": ["action", "at"],
    }
    for name, columns in indexes.items():
        op.create_index(f"ix_audit_entry_{name}", "audit_entry", ["org_id", *columns])
    isolate("audit_entry", is_append_only=True)
    op.create_table(
        "audit_head",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("org_id", name="pk_audit_head"),
    )
    isolate("audit_head")
    op.create_table(
        "audit_seal",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("sealed_at", Instant, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "seq", name="pk_audit_seal"),
    )
    isolate("audit_seal", is_append_only=True)


def create_health_snapshot() -> None:
    """The scores of the days."""
    op.create_table(
        "health_snapshot",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("score", sa.SmallInteger, nullable=False),
        sa.Column("breakdown", JSONB, nullable=False),
        sa.Column("computed_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_health_snapshot"),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name="ck_health_snapshot_score"),
        sa.UniqueConstraint("org_id", "day", name="uq_health_snapshot_org_id_day"),
    )
    isolate("health_snapshot")


def create_known_people() -> None:
    """Organisations, members and companies."""
    create_model(
        "known_organisation",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("overdue_after_days", sa.Integer, nullable=False),
        sa.Column("stale_deal_after_days", sa.Integer, nullable=False),
    )
    create_model(
        "known_member",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
    )
    create_model(
        "known_company",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("archived_at", Instant),
    )


def create_known_deal() -> None:
    """Deals."""
    create_model(
        "known_deal",
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("value_minor", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("expected_close_date", sa.Date),
        sa.Column("company_id", sa.Uuid, nullable=False),
        sa.Column("company_name", sa.String(255), nullable=False),
        sa.Column("owner_user_id", sa.Uuid),
        sa.Column("won_at", Instant),
        sa.Column("lost_at", Instant),
        sa.Column("last_activity_at", Instant, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_index("ix_known_deal_stage", "known_deal", ["org_id", "stage"])


def create_known_work_item() -> None:
    """Work items."""
    create_model(
        "known_work_item",
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("due_date", sa.Date),
        sa.Column("assigned_to_user_id", sa.Uuid),
        sa.Column("company_id", sa.Uuid),
        sa.Column("company_name", sa.String(255)),
        sa.Column("deal_id", sa.Uuid),
        sa.Column("deal_title", sa.String(255)),
        sa.Column("completed_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_index("ix_known_work_item_due", "known_work_item", ["org_id", "status", "due_date"])


def create_known_invoice() -> None:
    """Invoices."""
    create_model(
        "known_invoice",
        sa.Column("number", sa.String(64)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("company_id", sa.Uuid, nullable=False),
        sa.Column("company_name", sa.String(255), nullable=False),
        sa.Column("deal_id", sa.Uuid),
        sa.Column("gross_minor", sa.BigInteger, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("issue_date", sa.Date, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("sent_at", Instant),
        sa.Column("paid_at", Instant),
        sa.Column("locked_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_index("ix_known_invoice_due", "known_invoice", ["org_id", "status", "due_date"])


def create_model(table: str, *columns: sa.Column[object]) -> None:
    """A read model: version and fact of its state, and what is known."""
    op.create_table(
        table,
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("org_id", "id", name=f"pk_{table}"),
    )
    isolate(table)
