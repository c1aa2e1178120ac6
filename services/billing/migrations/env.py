"""Alembic environment of billing."""

from billing.main import BILLING
from chassis.migrations import run_environment

run_environment(BILLING.metadata)
