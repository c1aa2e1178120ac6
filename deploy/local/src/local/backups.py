"""Backups of the embedded platform: every database at one point, with the secrets that open them, and back again.

`.data/backups/<instant>/` holds a base backup of the whole cluster (with the log that makes it consistent and a
checksum of every file), the secrets and the certificates. The broker is not in it: the outboxes are, and a restore
marks what was published shortly before the backup as pending again. The inboxes keep effects single.
"""

import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.keys import Keys
from local.layout import Layout
from local.ports import CONTEXTS, HOST
from local.postgres import SUPERUSER, Cluster, as_nobody, binaries, environment

NAME = "%Y%m%dT%H%M%SZ"
STAGED, REPLACED = "restore.new", "restore.old"
UNSETTLED = timedelta(hours=1)
"""How long before a backup a fact may have been published and not yet have had all its effects."""


class BackupRefused(Exception):
    """The backup cannot be made, or used; the message is one line."""


def back_up(layout: Layout, cluster: Cluster) -> Path:
    """A backup of the running cluster; whole, or not there."""
    place = layout.backups / datetime.now(UTC).strftime(NAME)
    staged = place.with_suffix(".new")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(mode=0o700, parents=True)
    try:
        _run(
            [
                str(binaries() / "pg_basebackup"),
                f"--host={HOST}",
                f"--port={cluster.port}",
                f"--username={SUPERUSER}",
                f"--pgdata={staged / 'postgres'}",
                "--wal-method=stream",
                "--checkpoint=fast",
                "--manifest-checksums=SHA256",
                "--no-password",
            ],
            PGPASSWORD=cluster.password_of(SUPERUSER),
        )
        for folder in (layout.secrets, layout.certs):
            shutil.copytree(folder, staged / folder.name)
        staged.rename(place)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return place


def restore(layout: Layout, cluster: Cluster, at: datetime | None = None) -> Path:
    """Put the newest backup, or the newest one not after `at`, in the place of a stopped platform; which one it was.

    BackupRefused when there is none or it is damaged, ClusterRefused when it does not start; then nothing has changed.
    """
    place = _choose(layout, at)
    _check(place / "postgres")
    staged, old = layout.root / STAGED, layout.root / REPLACED
    for left in (staged, old):  # by a restore that was cut off
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(place, staged)
    copy = replace(cluster, directory=staged / "postgres", password_of=Keys(staged / "secrets").postgres)
    _publish_again(layout, copy, _instant(place) - UNSETTLED)
    old.mkdir(mode=0o700)
    for current in (layout.postgres, layout.secrets, layout.certs, layout.nats):
        if current.exists():
            current.rename(old / current.name)
    for folder in staged.iterdir():
        folder.rename(layout.root / folder.name)
    staged.rmdir()
    shutil.rmtree(old)
    return place


def _choose(layout: Layout, at: datetime | None) -> Path:
    found = sorted(path for path in layout.backups.glob("*Z") if at is None or _instant(path) <= at)
    if not found:
        until = f" until {at:{NAME}}" if at else ""
        raise BackupRefused(f"there is no backup{until} in {layout.backups}: `make backup` makes one")
    return found[-1]


def _check(cluster: Path) -> None:
    """BackupRefused unless every file of the manifest is as it was (the wheel's pg_verifybackup crashes)."""
    try:
        manifest = json.loads((cluster / "backup_manifest").read_text())
        for file in manifest["Files"]:
            with (cluster / file["Path"]).open("rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != file["Checksum"]:
                    raise BackupRefused(f"{cluster / file['Path']} is damaged: take another backup with AT=…")
    except (OSError, ValueError, KeyError) as error:
        raise BackupRefused(f"{cluster.parent} is no whole backup ({error!r})") from None


def _instant(place: Path) -> datetime:
    return datetime.strptime(place.name, NAME).replace(tzinfo=UTC)


def _publish_again(layout: Layout, cluster: Cluster, since: datetime) -> None:
    """Start the copied cluster alone, and let the new broker hear what it may have missed."""
    cluster.initialise()
    with cluster.running(layout.log("postgres")):
        for context in CONTEXTS:
            with cluster.connect(context) as connection:
                connection.execute("UPDATE outbox SET published_at = NULL WHERE published_at >= %s", (since,))


def _run(command: list[str], **variables: str) -> None:
    """Run one of PostgreSQL's programs; BackupRefused with what it said when it fails."""
    done = subprocess.run(
        as_nobody(command),
        env=environment() | variables,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        said = done.stdout.strip().splitlines() or ["it said nothing"]
        raise BackupRefused(f"{Path(command[0]).name} failed: {said[0]}")
