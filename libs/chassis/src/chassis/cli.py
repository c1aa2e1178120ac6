"""The command line of every service: serve, migrate, redrive, parked facts, OpenAPI."""

import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import UUID

import orjson
import typer
import uvloop
from sqlalchemy.exc import OperationalError

from chassis import inbox, logs, relay
from chassis.clock import instant
from chassis.errors import AppError
from chassis.revisions import SchemaMismatch
from chassis.service import PARTS, Service, assemble, serve
from chassis.settings import ServiceSettings, SettingsRefused, load, owner_url


def main(service: Service) -> None:
    """Run the command line of a service."""
    command_line(service)()


def command_line(service: Service) -> typer.Typer:
    """The commands of a service."""
    cli = typer.Typer(
        help=service.title, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )

    @cli.command("serve")
    def serve_command(
        only: Annotated[str, typer.Option(help="Parts to run, by comma.")] = ",".join(sorted(PARTS)),
    ) -> None:
        """Serve REST and gRPC, relay facts, consume facts, work on jobs."""
        parts = frozenset(only.split(","))
        if not parts <= PARTS:
            stop(f"unknown parts: {', '.join(sorted(parts - PARTS))}; there are {', '.join(sorted(PARTS))}")
        settings = settings_of(service)
        run(serve(service, settings, parts))

    @cli.command("migrate")
    def migrate_command() -> None:
        """Bring the database to the schema of this code and exit."""
        from chassis.migrations import upgrade  # noqa: PLC0415 - Alembic is only needed here

        try:
            revision = upgrade(service.migrations, owner_url(service.prefix))
        except (OperationalError, SettingsRefused) as refused:
            stop(f"{service.name} cannot migrate: {getattr(refused, 'orig', refused)}".strip())
        typer.echo(f"{service.name} is at revision {revision}")

    @cli.command("openapi")
    def openapi_command(target: Path) -> None:
        """Write the OpenAPI document."""
        spec = orjson.dumps(service.app().openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        target.write_bytes(spec)

    @cli.command("redrive")
    def redrive_command(
        since: Annotated[datetime, typer.Option(parser=instant, metavar="INSTANT", help="RFC 3339.")],
    ) -> None:
        """Publish again what was published since an instant (the broker lost its disk)."""
        run(_redrive(service, since))

    @cli.command("parked")
    def parked_command() -> None:
        """List the facts that wait for a person, one JSON line each."""
        run(_list_parked(service))

    @cli.command("replay")
    def replay_command(event_id: UUID) -> None:
        """Handle a parked fact again."""
        run(_replay(service, event_id))

    for name, action in service.commands.items():
        cli.command(name)(_own_command(service, action))
    return cli


def settings_of(service: Service) -> ServiceSettings:
    """The service's settings; exits with one message that names every bad variable."""
    try:
        settings = load(service.settings, service.prefix)
    except SettingsRefused as refused:
        stop(f"{service.name} cannot start, its environment is wrong:\n{refused}")
    logs.configure(service.name, settings.log_level)
    return settings


def stop(message: str) -> NoReturn:
    """Say one thing on standard error and exit with 2."""
    typer.echo(message, err=True)
    raise typer.Exit(2)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end on uvloop; what an operator can mend is said without a stack."""
    try:
        uvloop.run(work)
    except (SchemaMismatch, OSError, AppError) as refused:
        stop(str(refused))


def _own_command(service: Service, action: Any) -> Any:
    def command() -> None:
        async def act() -> None:
            async with assemble(service, settings) as running:
                await action(running.runtime)

        settings = settings_of(service)
        run(act())

    command.__doc__ = action.__doc__
    return command


async def _redrive(service: Service, since: datetime) -> None:
    async with assemble(service, settings_of(service)) as running:
        count = await relay.redrive(running.runtime.system, since)
        typer.echo(f"{count} facts will be published again")


async def _list_parked(service: Service) -> None:
    async with assemble(service, settings_of(service)) as running:
        for row in await inbox.list_parked(running.runtime.system):
            sys.stdout.write(orjson.dumps(row, default=str).decode() + "\n")


async def _replay(service: Service, event_id: UUID) -> None:
    async with assemble(service, settings_of(service)) as running:
        runtime = running.runtime
        try:
            handled = await inbox.replay(
                runtime.source, runtime.system, service.name, service.handlers, event_id
            )
        except Exception as error:  # noqa: BLE001 - a handler may fail in any way; the fact stays parked
            stop(f"{event_id} was refused again and stays parked: {error!r}")
        if not handled:
            stop(f"no parked fact {event_id}")
        typer.echo(f"{event_id} handled")
