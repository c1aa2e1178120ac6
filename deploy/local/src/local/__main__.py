"""The command line of the embedded stack: `python -m local up`, `down`, `status`, `backup`, …"""

import argparse
import sys
from collections.abc import Sequence

from chassis.clock import instant
from local import commands
from local.layout import Layout
from local.ports import CONTEXTS
from local.settings import Settings, SettingsRefused, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    chosen = _parser().parse_args(arguments)
    profile = getattr(chosen, "profile", None)
    try:
        settings = load(profile=profile)
    except SettingsRefused as refused:
        print(f"cannot start: the settings are wrong:\n{refused}", file=sys.stderr)
        return 2
    layout = Layout(settings.data_directory)
    match chosen.command:
        case "up":
            return _up(chosen, settings, layout)
        case "down":
            return commands.down(layout)
        case "reset":
            return commands.reset(layout)
        case "status":
            return commands.status(layout)
        case "restore":
            return commands.restore(settings, layout, chosen.at)
    running = commands.of_running(settings, layout)
    return 1 if running is None else _with_platform(chosen, running, layout)


def _with_platform(chosen: argparse.Namespace, settings: Settings, layout: Layout) -> int:
    match chosen.command:
        case "seed":
            return commands.seed(settings, layout)
        case "backup":
            return commands.back_up(settings, layout)
        case "migrate":
            return commands.migrate(settings, layout)
        case "run":
            commands.run_service(settings, layout, chosen.service, chosen.arguments)
    from local.demo import run  # noqa: PLC0415 - loads an HTTP client that no other command needs

    return run(settings, layout)


def _up(chosen: argparse.Namespace, settings: Settings, layout: Layout) -> int:
    if chosen.detach:
        return commands.up_detached(["--profile", chosen.profile] if chosen.profile else [])
    from local.up import Platform  # noqa: PLC0415 - loads everything, which `down` and `status` do not need

    return Platform(settings, layout, is_detached=chosen.background).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=(__doc__ or "").strip())
    commands_ = parser.add_subparsers(dest="command", required=True)
    up = commands_.add_parser("up", help="start the platform and stay in the foreground")
    up.add_argument("--detach", action="store_true", help="return when it is ready")
    up.add_argument("--background", action="store_true", help=argparse.SUPPRESS)
    up.add_argument(
        "--profile", choices=("default", "test"), help="test: gateway rates by 1000, jobs in seconds"
    )
    commands_.add_parser("down", help="stop it; returns when every process is gone")
    commands_.add_parser("reset", help="stop it and delete everything it stored")
    commands_.add_parser("status", help="what runs")
    commands_.add_parser("seed", help="complete the demo data")
    commands_.add_parser("migrate", help="bring every schema to its head")
    commands_.add_parser("backup", help="every database at one point, with the secrets")
    restore = commands_.add_parser("restore", help="the newest backup in the place of the stopped platform")
    restore.add_argument("--at", type=instant, help="the newest one not after this (RFC 3339)")
    run = commands_.add_parser("run", help="a command of one service, with the environment it has here")
    run.add_argument("service", choices=CONTEXTS)
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="for example: redrive --since 2026-11-01")
    commands_.add_parser("demo", help="one journey through the gateway, step by step")
    return parser


if __name__ == "__main__":
    sys.exit(main())
