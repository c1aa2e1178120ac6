"""Alembic environment of notifications."""

from chassis.migrations import run_environment
from notifications.main import NOTIFICATIONS

run_environment(NOTIFICATIONS.metadata)
