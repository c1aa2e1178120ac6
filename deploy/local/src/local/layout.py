"""Where everything lives below the data directory, and the one lock that says who runs it."""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

MINIMUM_FREE_BYTES = 500 * 1024**2


class DataDirectoryRefused(Exception):
    """The data directory cannot be used; the message is one line."""


@dataclass(frozen=True)
class Layout:
    """The data directory (mode 0700) and what is in it."""

    root: Path

    @property
    def postgres(self) -> Path:
        """The PostgreSQL cluster."""
        return self.root / "postgres"

    @property
    def nats(self) -> Path:
        """NATS: its configuration and JetStream's store."""
        return self.root / "nats"

    @property
    def gateway(self) -> Path:
        """Envoy's rendered configuration."""
        return self.root / "gateway"

    @property
    def certs(self) -> Path:
        """The development CA and the gateway's certificate."""
        return self.root / "certs"

    @property
    def secrets(self) -> Path:
        """One file per secret."""
        return self.root / "secrets"

    @property
    def mail(self) -> Path:
        """Caught mails."""
        return self.root / "mail"

    @property
    def backups(self) -> Path:
        """Backups, one folder each; `reset` keeps them."""
        return self.root / "backups"

    @property
    def run_file(self) -> Path:
        """What runs, for tools; see run_file.py."""
        return self.root / "run.json"

    @property
    def seeded(self) -> Path:
        """Exists once the demo data is complete."""
        return self.root / "seeded"

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.root / "logs" / f"{name}.log"

    def prepare(self) -> None:
        """Make the folders; DataDirectoryRefused when the place is full or not writable."""
        try:
            for folder in (self.root, self.certs, self.secrets, self.mail, self.gateway, self.root / "logs"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
            trial = self.root / ".writable"
            trial.write_bytes(b"x" * 4096)
            trial.unlink()
        except OSError as error:
            raise DataDirectoryRefused(
                f"{self.root} cannot be written ({error.strerror}): free space there, or set EXECOS_DATA_DIR"
            ) from None
        free = shutil.disk_usage(self.root).free
        if free < MINIMUM_FREE_BYTES:
            raise DataDirectoryRefused(
                f"only {free // 1024**2} MB are free for {self.root}, 500 MB are needed: "
                "free some, or set EXECOS_DATA_DIR"
            )


class Lock:
    """An advisory lock on `<data>/lock`, held as long as the process lives, however it ends."""

    def __init__(self, root: Path) -> None:
        self._path = root / "lock"

    def take(self) -> bool:
        """Whether it is ours now, until this process ends; then the file holds our pid."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return True

    def holder(self) -> int | None:
        """The pid that holds it (0: not written yet), or None when nobody does."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(descriptor, 20, 0) or 0)
        else:
            return None
        finally:
            os.close(descriptor)
