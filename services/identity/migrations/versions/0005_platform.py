"""The platform's administration: its owners, how tenants are made and deleted, and the hosts that lead to them."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import isolate

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nobody who is there owns the platform; organisations that are there need nothing more."""
    op.add_column(
        "user_account", sa.Column("is_platform_owner", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("organisation", sa.Column("last_error", sa.String(500)))
    op.add_column("organisation", sa.Column("deletion_due_at", sa.DateTime(timezone=True)))
    create_provisioning()
    create_domain()


def create_provisioning() -> None:
    """What the platform asked for when it made an organisation."""
    op.create_table(
        "provisioning",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("owner_email", sa.String(254), nullable=False),
        sa.Column("template", sa.String(40), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("owner_email = lower(owner_email)", name="ck_provisioning_owner_email"),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.org_id"], name="fk_provisioning_org_id"),
        sa.PrimaryKeyConstraint("org_id", name="pk_provisioning"),
    )
    isolate("provisioning")


def create_domain() -> None:
    """Hosts; each leads to one organisation."""
    op.create_table(
        "domain",
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("is_primary", sa.Boolean, nullable=False),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.org_id"], name="fk_domain_org_id"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_domain"),
        sa.UniqueConstraint("host", name="uq_domain_host"),
    )
    op.create_index(
        "uq_domain_primary", "domain", ["org_id"], unique=True, postgresql_where=sa.text("is_primary")
    )
    isolate("domain")
