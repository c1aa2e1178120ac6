"""The policy for how long the audit log is kept, and the checkpoint that stands for what was pruned."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import grant, isolate

revision = "0003"
down_revision = "0002"

LONGEST = "3650"


def upgrade() -> None:
    """Where the policy is not known, everything is kept: until the next fact of the organisation, or a rebuild."""
    known = sa.Column("audit_retention_days", sa.Integer, nullable=False, server_default=LONGEST)
    op.add_column("known_organisation", known)
    op.create_table(
        "audit_checkpoint",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("pruned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org_id", name="pk_audit_checkpoint"),
    )
    isolate("audit_checkpoint")
    grant("audit_checkpoint", "SELECT")  # only the job, as the system role, puts one in place of entries
