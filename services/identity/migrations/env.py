"""Alembic environment of identity."""

from chassis.migrations import run_environment
from identity.main import IDENTITY

run_environment(IDENTITY.metadata)
