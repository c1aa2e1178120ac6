"""The TCP ports of the embedded stack: one table, one offset for all, and who holds a taken one."""

import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, fields

HOST = "127.0.0.1"
CONTEXTS = ("identity", "sales", "work", "billing", "notifications", "reporting")

# Below the range of outgoing connections, above what the stack itself and most servers are given.
_NEVER_OUTGOING = range(20_000, 32_000)
_FIRST_HTTP, _FIRST_GRPC, _FIRST_METRICS = 7101, 7201, 7301


class PortTaken(Exception):
    """A port of the stack is in use; the message is one line with the remedy."""


@dataclass(frozen=True)
class Ports:
    """Every port, the offset already added."""

    offset: int = 0
    gateway_https: int = 8443
    gateway_http: int = 8080
    gateway_admin: int = 9901
    postgres: int = 15432
    nats: int = 14222
    nats_monitor: int = 18223
    mail_smtp: int = 2525
    mail_http: int = 8025

    @classmethod
    def with_offset(cls, offset: int) -> "Ports":
        """The default table, `offset` added to every port; ValueError when one would leave 1024..65535."""
        plain = cls()
        names = [one.name for one in fields(cls) if one.name != "offset"]
        ports = cls(offset=offset, **{name: getattr(plain, name) + offset for name in names})
        outside = [port for _, port in ports.all() if not 1024 <= port <= 65535]
        if outside:
            raise ValueError(f"the offset {offset} moves a port to {outside[0]}, outside 1024..65535")
        return ports

    def http(self, context: str) -> int:
        """The REST port of a service."""
        return _FIRST_HTTP + CONTEXTS.index(context) + self.offset

    def grpc(self, context: str) -> int:
        """The gRPC port of a service."""
        return _FIRST_GRPC + CONTEXTS.index(context) + self.offset

    def metrics(self, context: str) -> int:
        """The Prometheus port of a service."""
        return _FIRST_METRICS + CONTEXTS.index(context) + self.offset

    def all(self) -> Iterator[tuple[str, int]]:
        """(what needs it, port), the ones most often taken first."""
        for one in fields(self):
            if one.name != "offset":
                yield one.name.replace("_", " "), getattr(self, one.name)
        for context in CONTEXTS:
            yield f"{context} http", self.http(context)
            yield f"{context} grpc", self.grpc(context)
            yield f"{context} metrics", self.metrics(context)


def check_free(ports: Ports) -> None:
    """PortTaken with the first port somebody else listens on; starts nothing."""
    for need, port in ports.all():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections do no harm
            try:
                probe.bind((HOST, port))
            except OSError:
                raise PortTaken(
                    f"port {port} ({need}) is taken by another program: stop it, or set EXECOS_PORT_OFFSET "
                    f"(for example {_free_offset(ports)}), which is added to every port"
                ) from None


def _free_offset(ports: Ports) -> int:
    """The first offset, in steps of 100 from the present one, with every port free; 1000 when there is none."""
    for offset in range(ports.offset + 100, ports.offset + 1100, 100):
        if all(_is_free(port - ports.offset + offset) for _, port in ports.all()):
            return offset
    return ports.offset + 1000


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago, and that no outgoing connection takes before it is used."""
    while True:
        port = secrets.choice(_NEVER_OUTGOING)
        if _is_free(port):
            return port
