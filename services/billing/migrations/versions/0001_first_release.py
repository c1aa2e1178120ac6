"""Invoices, their numbers and payments, and copies of what others own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import create_chassis_tables, grant, isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Everything of the first release."""
    create_chassis_tables()
    _create_invoices()
    _create_payments()
    _create_copies_of_identity()
    _create_copies_of_sales()
    for table in ("known_member", "known_organisation", "known_company", "known_deal"):
        isolate(table)
    for table in ("invoice", "number_series"):
        isolate(table)
        grant(
            table, "SELECT, INSERT, UPDATE"
        )  # an invoice is voided, never deleted, and a number is used once
    isolate("payment", is_append_only=True)


def _create_invoices() -> None:
    """What they owe us, and the numbers given out."""
    op.create_table(
        "invoice",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.String(length=32)),
        sa.Column("reference", sa.String(length=64)),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("deal_id", sa.Uuid()),
        sa.Column("won_deal_id", sa.Uuid()),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("lines", JSONB, nullable=False),
        sa.Column("taxes", JSONB, nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("notes", sa.String(length=2000)),
        sa.Column("seller", JSONB),
        sa.Column("buyer", JSONB),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("paid_at", sa.DateTime(timezone=True)),
        sa.Column("voided_at", sa.DateTime(timezone=True)),
        sa.Column("void_reason", sa.String(length=500)),
        sa.Column("locked_at", sa.DateTime(timezone=True)),
        sa.Column("locked_by_user_id", sa.Uuid()),
        sa.Column("locked_by", JSONB),
        sa.Column("lock_at", sa.DateTime(timezone=True)),
        sa.Column("unlock_reason", sa.String(length=500)),
        sa.Column("created_by_user_id", sa.Uuid()),
        sa.Column("created_by", JSONB, nullable=False),
        sa.CheckConstraint("sent_at IS NOT NULL OR status IN ('DRAFT', 'VOID')", name="ck_invoice_sent"),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'SENT', 'PARTIALLY_PAID', 'PAID', 'VOID')", name="ck_invoice_status"
        ),
        sa.CheckConstraint("(number IS NOT NULL) = (sent_at IS NOT NULL)", name="ck_invoice_number"),
        sa.CheckConstraint("due_date >= issue_date", name="ck_invoice_dates"),
        sa.CheckConstraint("net_minor >= 0 AND gross_minor >= net_minor", name="ck_invoice_amounts"),
        sa.CheckConstraint("paid_minor BETWEEN 0 AND gross_minor", name="ck_invoice_paid"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_invoice"),
        sa.UniqueConstraint("org_id", "number", name="uq_invoice_number"),
        sa.UniqueConstraint("org_id", "won_deal_id", name="uq_invoice_won_deal"),
    )
    op.create_index("ix_invoice_company", "invoice", ["org_id", "company_id", "due_date"])
    op.create_index("ix_invoice_created", "invoice", ["org_id", "created_at", "id"])
    op.create_index("ix_invoice_deal", "invoice", ["org_id", "deal_id"])
    op.create_index("ix_invoice_due", "invoice", ["org_id", "due_date", "id"])
    op.create_index(
        "ix_invoice_relock",
        "invoice",
        ["org_id", "lock_at"],
        postgresql_where=sa.text("locked_at IS NULL AND lock_at IS NOT NULL"),
    )
    op.create_table(
        "number_series",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.String(length=8), nullable=False),
        sa.Column("period", sa.SmallInteger(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "series", "period", name="pk_number_series"),
    )


def _create_payments() -> None:
    """What they paid."""
    op.create_table(
        "payment",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(length=255)),
        sa.CheckConstraint(
            "method IN ('cash', 'card', 'bank_transfer', 'direct_debit', 'cheque', 'other')",
            name="ck_payment_method",
        ),
        sa.CheckConstraint("amount_minor > 0", name="ck_payment_amount"),
        sa.ForeignKeyConstraint(
            ["org_id", "invoice_id"], ["invoice.org_id", "invoice.id"], name="fk_payment_org_id_invoice_id"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_payment"),
    )
    op.create_index("ix_payment_invoice", "payment", ["org_id", "invoice_id", "received_on"])


def _create_copies_of_identity() -> None:
    """Who belongs here."""
    op.create_table(
        "known_member",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=255)),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_known_member"),
    )
    op.create_table(
        "known_organisation",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("modules", JSONB, nullable=False),
        sa.Column("legal", JSONB),
        sa.Column("guardrails", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_known_organisation"),
    )


def _create_copies_of_sales() -> None:
    """Whom we sell to, and what."""
    op.create_table(
        "known_company",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("legal_name", sa.String(length=255)),
        sa.Column("address", JSONB),
        sa.Column("vat_id", sa.String(length=32)),
        sa.Column("email", sa.String(length=255)),
        sa.Column("owner_user_id", sa.Uuid()),
        sa.Column("archived_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_known_company"),
    )
    op.create_table(
        "known_deal",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("value_minor", sa.BigInteger()),
        sa.Column("currency", sa.String(length=3)),
        sa.Column("expected_close_date", sa.Date()),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("company_name", sa.String(length=255), nullable=False),
        sa.Column("contact_id", sa.Uuid()),
        sa.Column("owner_user_id", sa.Uuid()),
        sa.Column("won_at", sa.DateTime(timezone=True)),
        sa.Column("lost_at", sa.DateTime(timezone=True)),
        sa.Column("lost_reason", sa.String(length=1000)),
        sa.Column("lead_id", sa.Uuid()),
        sa.Column("lead_created_at", sa.DateTime(timezone=True)),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_known_deal"),
    )
