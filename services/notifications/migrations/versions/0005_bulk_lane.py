"""Facts of something large wait for all others."""

from chassis.migrations import add_bulk_lane

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """The column and the indexes that the relay looks for."""
    add_bulk_lane()
