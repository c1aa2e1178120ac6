"""Alembic environment of reporting."""

from chassis.migrations import run_environment
from reporting.main import REPORTING

run_environment(REPORTING.metadata)
