"""The first release: organisations, people, memberships, sessions, signing keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import create_chassis_tables, isolate, reserve

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Everything."""
    create_chassis_tables()
    create_organisation()
    create_policies()
    create_legal_profile()
    create_user_account()
    create_membership()
    create_session()
    create_security_event()
    create_login_attempts()
    create_signing_key()


def create_organisation() -> None:
    """Tenants; the slug alone is unique across them."""
    op.create_table(
        "organisation",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("modules", JSONB, nullable=False),
        sa.Column("created_by_user_id", sa.Uuid),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('provisioning', 'active', 'inactive', 'archived', 'provisioning_failed')",
            name="ck_organisation_status",
        ),
        sa.CheckConstraint("id = org_id", name="ck_organisation_id"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_organisation"),
        sa.UniqueConstraint("org_id", name="uq_organisation_org_id"),
        sa.UniqueConstraint("slug", name="uq_organisation_slug"),
    )
    op.create_index("ix_organisation_created_by", "organisation", ["created_by_user_id", "created_at"])
    isolate("organisation")


def create_policies() -> None:
    """The guardrails of each organisation."""
    op.create_table(
        "policies",
        sa.Column("lock_invoice_on_sent", sa.Boolean, nullable=False),
        sa.Column("overdue_after_days", sa.Integer, nullable=False),
        sa.Column("default_work_due_days", sa.Integer, nullable=False),
        sa.Column("stale_deal_after_days", sa.Integer, nullable=False),
        sa.Column("lead_stale_after_hours", sa.Integer, nullable=False),
        sa.Column("require_deal_owner", sa.Boolean, nullable=False),
        sa.Column("require_work_owner", sa.Boolean, nullable=False),
        sa.Column("require_work_due_date", sa.Boolean, nullable=False),
        sa.Column("auto_lock_invoice_after_days", sa.Integer, nullable=False),
        sa.Column("prevent_invoice_unlock_after_partial_payment", sa.Boolean, nullable=False),
        sa.Column("allow_zero_invoices", sa.Boolean, nullable=False),
        sa.Column("create_invoice_on_deal_won", sa.Boolean, nullable=False),
        sa.Column("auto_work_item_on_deal_won", sa.Boolean, nullable=False),
        sa.Column("autopilot_enabled", sa.Boolean, nullable=False),
        sa.Column("autopilot_nudge_on_overdue", sa.Boolean, nullable=False),
        sa.Column("autopilot_auto_stale_deals", sa.Boolean, nullable=False),
        sa.Column("audit_retention_days", sa.Integer, nullable=False),
        sa.Column("security_event_retention_days", sa.Integer, nullable=False),
        sa.Column("ip_restriction_enabled", sa.Boolean, nullable=False),
        sa.Column("ip_allowlist", JSONB, nullable=False),
        sa.Column("password_min_length", sa.Integer, nullable=False),
        sa.Column("require_second_factor", sa.String(8), nullable=False),
        sa.Column("session_idle_days", sa.Integer, nullable=False),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "require_second_factor IN ('off', 'admins', 'all')", name="ck_policies_second_factor"
        ),
        sa.CheckConstraint("id = org_id", name="ck_policies_id"),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.org_id"], name="fk_policies_org_id"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_policies"),
    )
    isolate("policies")


def create_legal_profile() -> None:
    """Each organisation as seller."""
    op.create_table(
        "legal_profile",
        sa.Column("legal_name", sa.String(255), nullable=False),
        sa.Column("address", JSONB, nullable=False),
        sa.Column("vat_id", sa.String(32)),
        sa.Column("tax_id", sa.String(32)),
        sa.Column("registration_number", sa.String(64)),
        sa.Column("iban", sa.String(34)),
        sa.Column("bic", sa.String(11)),
        sa.Column("email", sa.String(254)),
        sa.Column("phone", sa.String(40)),
        sa.Column("payment_terms_days", sa.Integer, nullable=False),
        sa.Column("invoice_note", sa.String(2000)),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = org_id", name="ck_legal_profile_id"),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.org_id"], name="fk_legal_profile_org_id"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_legal_profile"),
    )
    isolate("legal_profile")


def create_user_account() -> None:
    """People, who belong to no tenant: only the system role reads them."""
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("time_zone", sa.String(64)),
        sa.Column("locale", sa.String(35)),
        sa.Column("last_org_id", sa.Uuid),
        sa.Column("last_login_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("email = lower(email)", name="ck_user_account_email"),
        sa.PrimaryKeyConstraint("id", name="pk_user_account"),
        sa.UniqueConstraint("email", name="uq_user_account_email"),
    )
    reserve("user_account")


def create_membership() -> None:
    """People in organisations."""
    op.create_table(
        "membership",
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("title", sa.String(120)),
        sa.Column("joined_at", sa.DateTime(timezone=True)),
        sa.Column("invited_at", sa.DateTime(timezone=True)),
        sa.Column("invited_by_user_id", sa.Uuid),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'CEO', 'DIRECTOR', 'SALES_MANAGER', 'SALES', 'OPS', 'FINANCE', 'VIEWER',"
            " 'CASHIER')",
            name="ck_membership_role",
        ),
        sa.CheckConstraint(
            "status IN ('invited', 'active', 'suspended', 'removed')", name="ck_membership_status"
        ),
        sa.ForeignKeyConstraint(["id"], ["user_account.id"], name="fk_membership_id"),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.org_id"], name="fk_membership_org_id"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_membership"),
    )
    op.create_index("ix_membership_created_at", "membership", ["org_id", "created_at", "id"])
    op.create_index("ix_membership_invited", "membership", ["org_id", "invited_by_user_id", "invited_at"])
    op.create_index("ix_membership_name", "membership", ["org_id", "name", "id"])
    op.create_index("ix_membership_person", "membership", ["id"])
    isolate("membership")


def create_session() -> None:
    """Sign-ins and the organisation each works in."""
    op.create_table(
        "session",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("counter", sa.Integer, nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("end_reason", sa.String(32)),
        sa.Column("ip", sa.String(64)),
        sa.Column("user_agent", sa.String(255)),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.org_id"], name="fk_session_org_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_session_user_id"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_session"),
    )
    op.create_index("ix_session_expires_at", "session", ["expires_at"])
    op.create_index("ix_session_id", "session", ["id"])
    op.create_index("ix_session_user", "session", ["org_id", "user_id"])
    isolate("session")


def create_security_event() -> None:
    """What should not have happened; nobody rewrites it."""
    op.create_table(
        "security_event",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("user_id", sa.Uuid),
        sa.Column("ip", sa.String(64)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')", name="ck_security_event_severity"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_security_event"),
    )
    op.create_index("ix_security_event_at", "security_event", ["org_id", "at"])
    isolate("security_event", is_append_only=True)


def create_login_attempts() -> None:
    """Budgets of sign-ins; only the system role reads them."""
    op.create_table(
        "login_attempts",
        sa.Column("bucket", sa.LargeBinary, nullable=False),
        sa.Column("spent", sa.Integer, nullable=False),
        sa.Column("open_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unreported", sa.Integer, nullable=False),
        sa.Column("unreported_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("bucket", name="pk_login_attempts"),
    )
    op.create_index("ix_login_attempts_last_at", "login_attempts", ["last_at"])
    reserve("login_attempts")


def create_signing_key() -> None:
    """Key pairs, the private half encrypted; only the system role reads them."""
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(64), nullable=False),
        sa.Column("public_jwk", JSONB, nullable=False),
        sa.Column("private_key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_key"),
    )
    reserve("signing_key")
