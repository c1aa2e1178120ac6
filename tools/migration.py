"""Write the next migration of a service: what its models say now, against its migrations on an empty PostgreSQL."""

import argparse
import subprocess
import sys
from pathlib import Path

from alembic import command

from chassis import migrations
from local.postgres import throwaway

ROOT = Path(__file__).resolve().parent.parent


def write(service: str, message: str) -> list[Path]:
    """The new revision's file, formatted; to be read and mended by hand before it is committed."""
    folder = ROOT / "services" / service / "migrations"
    before = set(folder.glob("versions/*.py"))
    with throwaway() as cluster:
        cluster.ensure_databases([service])
        config = migrations.configuration(folder, cluster.url(f"{service}_owner", service))
        command.upgrade(config, "head")
        command.revision(config, message=message, autogenerate=True)
    written = sorted(set(folder.glob("versions/*.py")) - before)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *written], cwd=ROOT, check=True)
    return written


def main() -> int:
    """Write it and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "service", choices=sorted(path.parent.name for path in ROOT.glob("services/*/migrations"))
    )
    parser.add_argument("message")
    options = parser.parse_args()
    for path in write(options.service, options.message):
        print(
            f"{path.relative_to(ROOT)}: read it, say what autogenerate cannot know (policies, grants), then commit"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
