"""Mails whose link is dead by the time that they are written: the end of them, and no failure."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATES = "state IN ('queued', 'sending', 'retry', 'delivered', 'dead', 'superseded')"


def upgrade() -> None:
    """One state more; older code takes it for an end, as it is."""
    op.drop_constraint("ck_delivery_state", "delivery")
    op.create_check_constraint("ck_delivery_state", "delivery", STATES)
