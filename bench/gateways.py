"""Two gateways over the same constant route: ours with everything on, and the edge floor with TLS and tokens alone."""

import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.envoy import command
from gateway.render import write
from gateway.settings import load
from local.ports import CONTEXTS, HOST, free_port

_TYPE = "type.googleapis.com/envoy.extensions"
_PATIENCE_SECONDS = 15.0


@dataclass(frozen=True)
class Edge:
    """A running Envoy."""

    pid: int
    port: int


@dataclass(frozen=True)
class Behind:
    """What both gateways know: where the routes lead, whose keys are believed, the certificate."""

    constant_port: int
    identity_port: int
    identity_rpc_port: int
    identity_token: str
    issuer: str
    certs: Path


@contextlib.contextmanager
def ours(behind: Behind, folder: Path) -> Iterator[Edge]:
    """The platform's own configuration: every filter, limit, header and log line."""
    port, admin = free_port(), free_port()
    elsewhere = dict.fromkeys(CONTEXTS, (HOST, behind.constant_port))
    settings = load(
        "test",
        https_port=port,
        http_port=free_port(),
        admin_port=admin,
        issuer=behind.issuer,
        cert_dir=behind.certs,
        upstreams=elsewhere | {"identity": (HOST, behind.identity_port)},
        identity_rpc=(HOST, behind.identity_rpc_port),
    )
    with _running(write(settings, folder, behind.identity_token), port, admin, folder) as edge:
        yield edge


@contextlib.contextmanager
def floor(behind: Behind, folder: Path) -> Iterator[Edge]:
    """The edge floor."""
    port, admin = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    bootstrap = folder / "envoy.json"
    bootstrap.write_text(json.dumps(_bare(behind, port, admin)))
    with _running(bootstrap, port, admin, folder) as edge:
        yield edge


@contextlib.contextmanager
def _running(bootstrap: Path, port: int, admin: int, folder: Path) -> Iterator[Edge]:
    with (
        (folder / "envoy.log").open("wb") as log,
        subprocess.Popen(command(bootstrap), stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            _wait_for_keys(admin)
            yield Edge(process.pid, port)
        finally:
            process.kill()


def _wait_for_keys(admin: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            url = f"http://{HOST}:{admin}/stats?filter=jwks_fetch_success"
            with urllib.request.urlopen(url, timeout=2) as answer:
                if any(not line.endswith(b": 0") for line in answer.read().splitlines()):
                    return
        time.sleep(0.05)
    raise RuntimeError("a gateway has not fetched the keys")


def _bare(behind: Behind, port: int, admin: int) -> dict[str, Any]:
    return {
        "admin": {"address": _address(admin)},
        "static_resources": {
            "listeners": [
                {
                    "name": "floor",
                    "address": _address(port),
                    "filter_chains": [
                        {"transport_socket": _tls(behind.certs), "filters": [_manager(behind)]}
                    ],
                }
            ],
            "clusters": [
                _cluster("constant", behind.constant_port),
                _cluster("identity", behind.identity_port),
            ],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def _tls(certs: Path) -> dict[str, Any]:
    pair = {
        "certificate_chain": {"filename": str(certs / "server.crt")},
        "private_key": {"filename": str(certs / "server.key")},
    }
    suites = [
        f"ECDHE-{key}-{cipher}"
        for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
        for key in ("ECDSA", "RSA")
    ]
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPE}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [pair],
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_2",
                    "tls_maximum_protocol_version": "TLSv1_3",
                    "cipher_suites": suites,
                },
            },
        },
    }


def _manager(behind: Behind) -> dict[str, Any]:
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "constant"}}]
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "floor",
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
            "http_filters": [_tokens(behind), _router()],
        },
    }


def _tokens(behind: Behind) -> dict[str, Any]:
    keys = f"http://{HOST}:{behind.identity_port}/.well-known/jwks.json"
    provider = {
        "issuer": behind.issuer,
        "audiences": ["execos"],
        "require_expiration": True,
        "forward": True,
        "payload_in_metadata": "payload",
        "jwt_cache_config": {"jwt_cache_size": 1000},
        "remote_jwks": {
            "http_uri": {"uri": keys, "cluster": "identity", "timeout": "2s"},
            "cache_duration": "300s",
            "async_fetch": {"fast_listener": True},
        },
    }
    return {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": f"{_TYPE}.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"identity": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "identity"}}],
        },
    }


def _router() -> dict[str, Any]:
    kind = f"{_TYPE}.filters.http.router.v3.Router"
    return {"name": "envoy.filters.http.router", "typed_config": {"@type": kind}}
