"""Alembic environment of work."""

from chassis.migrations import run_environment
from work.main import WORK

run_environment(WORK.metadata)
