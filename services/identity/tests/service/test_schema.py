"""The database: models and migrations agree, and the application role reaches no credential."""

import pytest
from alembic import command
from services.identity.tests.place import Place
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from chassis import migrations
from chassis.testing.databases import Databases
from identity.main import IDENTITY


async def test_models_and_migrations_agree(place: Place, databases: Databases) -> None:
    command.check(migrations.configuration(IDENTITY.migrations, databases.url("identity", "owner")))


@pytest.mark.parametrize(
    "table",
    [
        *("user_account", "signing_key", "login_attempts", "mail_link"),
        *("second_factor", "recovery_code", "passkey", "spent_challenge"),
    ],
)
async def test_application_role_has_no_right_to_what_belongs_to_no_tenant(place: Place, table: str) -> None:
    for statement in (f"SELECT * FROM {table}", f"DELETE FROM {table}"):
        async with place.stand.runtime.source.database.session(place.owner.org_id) as session:
            with pytest.raises(ProgrammingError, match="permission denied"):
                await session.execute(text(statement))


@pytest.mark.parametrize(
    "table", ["organisation", "policies", "membership", "session", "security_event", "activity"]
)
async def test_application_role_sees_its_tenant_only(place: Place, table: str) -> None:
    other = await place.open()
    await other.sign_in()
    await place.owner.sign_in()
    counted = text(f"SELECT count(*) FROM {table} WHERE org_id <> :org_id")
    async with place.stand.runtime.source.database.session(place.owner.org_id) as session:
        assert await session.scalar(counted, {"org_id": place.owner.org_id}) == 0
    async with place.stand.runtime.source.database.session(None) as session:
        assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
