"""The migrations make exactly what the code says."""

from alembic import command

from billing.main import BILLING
from chassis.migrations import configuration
from chassis.testing.databases import Databases


def test_migrations_make_the_models(databases: Databases):
    databases.migrated(BILLING)
    command.check(configuration(BILLING.migrations, databases.url("billing", "owner")))
