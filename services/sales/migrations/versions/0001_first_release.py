"""The first release: companies, contacts, leads, deals and their milestones, and copies of what identity owns."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import create_chassis_tables, isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Everything."""
    create_chassis_tables()
    create_known_member()
    create_known_organisation()
    create_company()
    create_contact()
    create_lead()
    create_deal()
    create_deal_milestone()


def create_known_member() -> None:
    """People, as identity tells of them."""
    op.create_table(
        "known_member",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("title", sa.String(255)),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_known_member"),
    )
    isolate("known_member")


def create_known_organisation() -> None:
    """The organisation itself, as identity tells of it."""
    op.create_table(
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
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("copied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_known_organisation"),
    )
    isolate("known_organisation")


def create_company() -> None:
    """Whom we sell to."""
    op.create_table(
        "company",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("industry", sa.String(255)),
        sa.Column("website", sa.String(255)),
        sa.Column("phone", sa.String(50)),
        sa.Column("email", sa.String(255)),
        sa.Column("legal_name", sa.String(255)),
        sa.Column("vat_id", sa.String(32)),
        sa.Column("address", JSONB),
        sa.Column("owner_user_id", sa.Uuid),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_company"),
    )
    op.create_index("ix_company_created", "company", ["org_id", "created_at", "id"])
    op.create_index("ix_company_industry", "company", ["org_id", sa.text("lower(industry)")])
    op.create_index("ix_company_owner", "company", ["org_id", "owner_user_id"])
    op.create_index(
        "uq_company_name",
        "company",
        ["org_id", sa.text("lower(name)")],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    isolate("company")


def create_contact() -> None:
    """The people there."""
    op.create_table(
        "contact",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("title", sa.String(255)),
        sa.Column("company_id", sa.Uuid),
        sa.Column("channels", JSONB, nullable=False),
        sa.Column("email", sa.String(255)),
        sa.Column("phone", sa.String(50)),
        sa.Column("owner_user_id", sa.Uuid),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["org_id", "company_id"], ["company.org_id", "company.id"], name="fk_contact_company"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_contact"),
    )
    op.create_index("ix_contact_company", "contact", ["org_id", "company_id", "created_at"])
    op.create_index("ix_contact_created", "contact", ["org_id", "created_at", "id"])
    op.create_index("ix_contact_name", "contact", ["org_id", sa.text("lower(name)")])
    op.create_index("ix_contact_owner", "contact", ["org_id", "owner_user_id"])
    isolate("contact")


def create_lead() -> None:
    """Possible sales."""
    op.create_table(
        "lead",
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("source", sa.String(100)),
        sa.Column("category", sa.String(16)),
        sa.Column("notes", sa.String(10_000)),
        sa.Column("company_id", sa.Uuid),
        sa.Column("contact_id", sa.Uuid),
        sa.Column("owner_user_id", sa.Uuid),
        sa.Column("disqualified_reason", sa.String(1000)),
        sa.Column("converted_deal_id", sa.Uuid),
        sa.Column("converted_at", sa.DateTime(timezone=True)),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(stage = 'CONVERTED') = (converted_deal_id IS NOT NULL)", name="ck_lead_converted"
        ),
        sa.CheckConstraint("category IN ('hot', 'warm', 'cold', 'dormant')", name="ck_lead_category"),
        sa.CheckConstraint(
            "stage IN ('NEW', 'QUALIFIED', 'DISQUALIFIED', 'CONVERTED')", name="ck_lead_stage"
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "company_id"], ["company.org_id", "company.id"], name="fk_lead_company"
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "contact_id"], ["contact.org_id", "contact.id"], name="fk_lead_contact"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_lead"),
    )
    op.create_index("ix_lead_company", "lead", ["org_id", "company_id"])
    op.create_index("ix_lead_contact", "lead", ["org_id", "contact_id"])
    op.create_index("ix_lead_created", "lead", ["org_id", "created_at", "id"])
    op.create_index("ix_lead_owner", "lead", ["org_id", "owner_user_id", "created_at"])
    op.create_index("ix_lead_stage", "lead", ["org_id", "stage", "created_at"])
    op.create_index("ix_lead_title", "lead", ["org_id", sa.text("lower(title)")])
    isolate("lead")


def create_deal() -> None:
    """Sales, and their outcome."""
    op.create_table(
        "deal",
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("company_id", sa.Uuid, nullable=False),
        sa.Column("contact_id", sa.Uuid),
        sa.Column("owner_user_id", sa.Uuid),
        sa.Column("value_minor", sa.BigInteger),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("expected_close_date", sa.Date),
        sa.Column("notes", sa.String(10_000)),
        sa.Column("won_at", sa.DateTime(timezone=True)),
        sa.Column("lost_at", sa.DateTime(timezone=True)),
        sa.Column("lost_reason", sa.String(1000)),
        sa.Column("lead_id", sa.Uuid),
        sa.Column("lead_created_at", sa.DateTime(timezone=True)),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(stage = 'LOST') = (lost_at IS NOT NULL)", name="ck_deal_lost"),
        sa.CheckConstraint("(stage = 'WON') = (won_at IS NOT NULL)", name="ck_deal_won"),
        sa.CheckConstraint("stage IN ('OPEN', 'WON', 'LOST')", name="ck_deal_stage"),
        sa.CheckConstraint("value_minor >= 0", name="ck_deal_value"),
        sa.ForeignKeyConstraint(
            ["org_id", "company_id"], ["company.org_id", "company.id"], name="fk_deal_company"
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "contact_id"], ["contact.org_id", "contact.id"], name="fk_deal_contact"
        ),
        sa.ForeignKeyConstraint(["org_id", "lead_id"], ["lead.org_id", "lead.id"], name="fk_deal_lead"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_deal"),
    )
    op.create_index("ix_deal_closing", "deal", ["org_id", "expected_close_date", "id"])
    op.create_index("ix_deal_company", "deal", ["org_id", "company_id", "created_at"])
    op.create_index("ix_deal_contact", "deal", ["org_id", "contact_id"])
    op.create_index("ix_deal_created", "deal", ["org_id", "created_at", "id"])
    op.create_index("ix_deal_owner", "deal", ["org_id", "owner_user_id", "created_at"])
    op.create_index("ix_deal_stage", "deal", ["org_id", "stage", "created_at"])
    op.create_index("ix_deal_title", "deal", ["org_id", sa.text("lower(title)")])
    op.create_index(
        "uq_deal_lead",
        "deal",
        ["org_id", "lead_id"],
        unique=True,
        postgresql_where=sa.text("lead_id IS NOT NULL"),
    )
    isolate("deal")


def create_deal_milestone() -> None:
    """What work and billing say about deals."""
    op.create_table(
        "deal_milestone",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("deal_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("source_id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "type IN ('WORK_ROOT_CREATED', 'INVOICE_SENT', 'INVOICE_PAID')",
            name="ck_deal_milestone_type",
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "deal_id"], ["deal.org_id", "deal.id"], name="fk_deal_milestone_deal"
        ),
        sa.PrimaryKeyConstraint("org_id", "deal_id", "type", "source_id", name="pk_deal_milestone"),
    )
    isolate("deal_milestone")
