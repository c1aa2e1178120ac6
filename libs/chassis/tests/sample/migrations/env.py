"""Alembic environment of the sample service."""

from chassis.migrations import run_environment
from sample.notes import NOTES

run_environment(NOTES.metadata)
