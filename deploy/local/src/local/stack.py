"""The platform as a list of programs: what runs, with which command, environment, readiness and needs."""

import asyncio
import signal
import sys
from dataclasses import dataclass

from chassis.rpc import gateway_token
from gateway.envoy import command as envoy_command
from gateway.render import write as write_gateway
from gateway.settings import load as load_gateway
from local import certificates, schema
from local.children import Probe, Program, StartFailed, tail
from local.keys import Keys
from local.layout import Layout
from local.lifeline import die_with_parent
from local.nats import Server
from local.ports import CONTEXTS, HOST
from local.postgres import Cluster, environment
from local.probes import http_json, http_status, is_platform_ready
from local.service_environment import (
    FRONTENDS,
    inherited,
    migration_environment,
    service_environment,
    service_secret,
)
from local.settings import REPOSITORY, Settings
from local.supervisor import Step

DRAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Stack:
    """The programs and steps of a platform with these settings in this place."""

    settings: Settings
    layout: Layout

    @property
    def keys(self) -> Keys:
        """The deployment's secrets."""
        return Keys(self.layout.secrets)

    @property
    def cluster(self) -> Cluster:
        """The PostgreSQL cluster of all databases."""
        return Cluster(self.layout.postgres, self.settings.ports.postgres, self.keys.postgres)

    def programs(self) -> list[Program]:
        """Every program, PostgreSQL first."""
        services = [self._service(context) for context in CONTEXTS]
        return [self._postgres(), self._nats(), self._mail(), *services, self._gateway()]

    def steps(self) -> list[Step]:
        """Databases, roles and migrations before any service starts; in the end a look through the front door."""
        return [
            Step("schema", self.migrate, needs=("postgres",)),
            Step("front door", self._open_front_door, needs=("gateway",)),
        ]

    def _postgres(self) -> Program:
        cluster = self.cluster

        async def is_ready() -> bool:
            return await asyncio.to_thread(cluster.is_ready)

        return Program(
            name="postgres",
            command=cluster.command,
            log=self.layout.log("postgres"),
            is_ready=is_ready,
            environment=environment(),
            before_start=cluster.initialise,
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, writes a checkpoint
            death_signal=signal.SIGQUIT,  # takes its own children along; the next start replays the log
        )

    def _nats(self) -> Program:
        ports = self.settings.ports
        server = Server(self.layout.nats, ports.nats, ports.nats_monitor)
        is_healthy = self._answers(ports.nats_monitor, "/healthz")

        return Program(
            name="nats",
            command=server.command,
            log=self.layout.log("nats"),
            is_ready=is_healthy,
            is_alive=is_healthy,  # a write error freezes a stream until the server is started again
            environment=inherited(),
            before_start=server.write_configuration,
        )

    def _mail(self) -> Program:
        ports = self.settings.ports
        is_up = self._answers(ports.mail_http, "/healthz")
        command = [sys.executable, "-m", "local.mail", "--directory", str(self.layout.mail)]
        return Program(
            name="mail",
            command=[*command, "--smtp", str(ports.mail_smtp), "--http", str(ports.mail_http)],
            log=self.layout.log("mail"),
            is_ready=is_up,
            is_alive=is_up,
            environment=inherited(),
        )

    def _service(self, context: str) -> Program:
        port = self.settings.ports.http(context)
        return Program(
            name=context,
            command=[sys.executable, "-m", context, "serve"],
            log=self.layout.log(context),
            is_ready=self._answers(port, "/readyz"),
            is_alive=self._answers(port, "/healthz"),
            needs=("schema", "nats"),
            environment=service_environment(context, self.settings, self.keys, self.cluster),
        )

    def _gateway(self) -> Program:
        ports = self.settings.ports
        bootstrap = self.layout.gateway / "envoy.yaml"
        return Program(
            name="gateway",
            command=envoy_command(bootstrap),
            log=self.layout.log("gateway"),
            is_ready=self._answers(ports.gateway_admin, "/ready"),
            is_alive=self._answers(ports.gateway_admin, "/ready"),
            needs=(*CONTEXTS, "mail"),
            environment=inherited(),
            before_start=self._write_gateway,
            before_stop=self._drain_gateway,
            stop_seconds=5,
        )

    def _write_gateway(self) -> None:
        certificates.ensure(self.layout.certs)
        ports = self.settings.ports
        settings = load_gateway(
            "test" if self.settings.profile == "test" else "local",
            https_port=ports.gateway_https,
            http_port=ports.gateway_http,
            admin_port=ports.gateway_admin,
            issuer=self.settings.public_url,
            cert_dir=self.layout.certs,
            cors_origins=FRONTENDS,
            upstreams={context: (HOST, ports.http(context)) for context in CONTEXTS},
            identity_rpc=(HOST, ports.grpc("identity")),
            jwks_cache_seconds=self.settings.jwks_cache_seconds,
        )
        secret = service_secret("identity", self.settings, self.keys, self.cluster)
        write_gateway(settings, self.layout.gateway, gateway_token(secret))

    async def _open_front_door(self) -> str | None:
        """Wait until the gateway has the keys that tokens are checked with and finds every service."""
        ports = self.settings.ports
        stats = "/stats?format=json&filter=jwks_fetch_success"
        for _ in range(200):
            has_keys = await self._count(stats) > 0
            if has_keys and await asyncio.to_thread(
                is_platform_ready, ports.gateway_https, self.layout.certs
            ):
                return None
            await asyncio.sleep(0.1)
        raise StartFailed(f"the gateway does not find every service\n{tail(self.layout.log('gateway'))}")

    async def _count(self, path: str) -> int:
        """The sum of the gateway's counters at a path of its admin port, without the admin port's own."""
        answer = await asyncio.to_thread(http_json, self.settings.ports.gateway_admin, path)
        counters = answer.get("stats", []) if isinstance(answer, dict) else []
        return sum(one.get("value", 0) for one in counters if ".admin." not in one.get("name", ""))

    async def _drain_gateway(self) -> None:
        """Ask clients to leave, then wait for the requests under way."""
        admin = self.settings.ports.gateway_admin
        await http_status(admin, "/drain_listeners?graceful&skip_exit", method="POST")
        deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if await self._count("/stats?format=json&filter=downstream_rq_active") == 0:
                return
            await asyncio.sleep(0.1)

    async def migrate(self) -> str | None:
        """Bring every database to its head revision; which, or None where all were there. StartFailed says why not."""
        contexts = await asyncio.to_thread(self._prepare_databases)
        if not contexts:
            return None
        command = [sys.executable, "-m", "local.migrate", *contexts]
        log_path = self.layout.log("migrate")
        with log_path.open("ab") as log:
            began = log.tell()
            process = await asyncio.create_subprocess_exec(
                *command,
                stdout=log,
                stderr=log,
                cwd=REPOSITORY,
                preexec_fn=die_with_parent(),
                env=migration_environment(tuple(contexts), self.settings, self.keys, self.cluster),
            )
        if await process.wait() != 0:
            raise StartFailed(f"the migration failed\n{tail(log_path, since=began)}")
        return f"migrated {', '.join(contexts)}"

    def _prepare_databases(self) -> list[str]:
        self.cluster.ensure_databases(CONTEXTS)
        return schema.behind(self.cluster, REPOSITORY, CONTEXTS)

    @staticmethod
    def _answers(port: int, path: str) -> Probe:
        async def probe() -> bool:
            return await http_status(port, path) == 200

        return probe
