"""Alembic environment of sales."""

from chassis.migrations import run_environment
from sales.main import SALES

run_environment(SALES.metadata)
