"""Renders the Envoy configuration of one environment and writes it, with everything it refers to, by rename."""

import json
import math
import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.reference import policy, reference_page
from gateway.replies import METHODS, replies
from gateway.routes import (
    API,
    DOCS_PATH,
    DOWNLOADS,
    HEALTH_PATHS,
    JWKS_PATH,
    OPENAPI_PATH,
    OWN_PATHS,
    PLATFORM,
    PUBLIC_OPERATIONS,
    READY_PATHS,
    TOKEN_PATHS,
    UPLOADS,
    path_match,
    routes,
)
from gateway.settings import GatewaySettings, is_address

#: Headers that only a proxy may say, or that change what a request is.
FORGED_HEADERS: Final = (
    "forwarded",
    "via",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
)

_TOKEN: Final = re.compile(r"[0-9a-f]{64}")
_CONNECTING: Final = {
    "num_retries": 2,
    "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
}
_RETRIES: Final[dict[str, dict[str, Any]]] = {
    # Reads may be repeated even when the request was already sent.
    "reads": _CONNECTING
    | {
        "retry_on": "connect-failure,refused-stream,reset-before-request,reset",
        "retriable_request_headers": [
            {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}
        ],
    },
    "keyed_post": _CONNECTING | {"retry_on": "connect-failure,refused-stream,reset-before-request"},
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A budget of requests a minute for each client address, or for each value of a token's claim."""

    name: str
    key: str
    per_minute: int
    claim: str | None = None

    @property
    def retry_after(self) -> int:
        """Seconds until the next request is allowed: buckets refill one request at a time."""
        return math.ceil(60 / self.per_minute)


def limits(settings: GatewaySettings) -> dict[str, list[Bucket]]:
    """The budgets of design/security.md §6, times the environment's multiplier."""

    def bucket(name: str, per_minute: int, claim: str | None = None) -> Bucket:
        key = claim or "masked_remote_address"
        return Bucket(name, key, max(1, int(per_minute * settings.rate_multiplier)), claim)

    return {
        "login": [bucket("login", 30)],
        "refresh": [bucket("refresh", 60)],
        "forms": [bucket("forms", 60)],
        "address": [bucket("address", 1_200)],
        "caller": [bucket("user", 600, "sub"), bucket("organisation", 6_000, "org")],
    }


def render(settings: GatewaySettings, directory: Path, identity_token: str) -> str:
    """The bootstrap as YAML text, for a configuration that lives in `directory`.

    `identity_token` is what the gateway shows when it asks identity (chassis.rpc.gateway_token).
    """
    if not _TOKEN.fullmatch(identity_token):
        raise ValueError("the gateway's token for identity must be 64 hexadecimal digits")
    page = reference_page()
    environment = Environment(
        loader=PackageLoader("gateway"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML, not HTML; every value goes through `json`
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = json.dumps
    environment.filters["path_match"] = path_match
    environment.filters["phrase"] = lambda status: HTTPStatus(status).phrase
    environment.tests["ip_address"] = is_address
    text = environment.get_template("envoy.yaml.j2").render(
        settings=settings,
        identity_token=identity_token,
        paths=_paths(settings, settings.mounted_at or directory.absolute(), page),
        api=API,
        service_routes=routes(),
        public_operations=PUBLIC_OPERATIONS,
        uploads=UPLOADS,
        downloads=DOWNLOADS,
        own_paths=OWN_PATHS,
        platform=PLATFORM,
        health_paths=HEALTH_PATHS,
        ready_paths=READY_PATHS,
        openapi_path=OPENAPI_PATH,
        docs_path=DOCS_PATH,
        docs_policy=policy(page),
        jwks_path=JWKS_PATH,
        logged_path=_logged_path(),
        replies=replies(),
        methods=METHODS,
        forged_headers=FORGED_HEADERS + (() if settings.trusted_hops else ("x-forwarded-for",)),
        limits=limits(settings),
        retries=_RETRIES,
        hsts=_hsts(settings),
        two_labels=rf"(?i).*\..*\.{re.escape(settings.root_domain)}",
    )
    return re.sub(r"\n\s*\n+", "\n", text)


def _logged_path() -> str:
    """A CEL expression of the path without query and without a one-time token in it."""
    masks = (f"request.url_path.startsWith('{path}/') ? '{path}/***'" for path in TOKEN_PATHS)
    return " : ".join([*masks, "request.url_path"])


def write(settings: GatewaySettings, directory: Path, identity_token: str) -> Path:
    """Writes the configuration and its files into `directory`; returns the bootstrap's path.

    The bootstrap holds `identity_token`, so only its owner may read it.

    Raises FileNotFoundError when `static_dir` has no `openapi.json`.
    """
    document = (settings.static_dir / "openapi.json").read_text()
    _replace(directory / "static" / "openapi.json", document)
    _replace(directory / "static" / "docs.html", reference_page())
    _replace(directory / "sds" / "server.json", json.dumps(_secret(settings), indent=2) + "\n")
    bootstrap = directory / "envoy.yaml"
    _replace(bootstrap, render(settings, directory, identity_token), mode=0o600)
    return bootstrap


def _paths(settings: GatewaySettings, root: Path, page: str) -> dict[str, Any]:
    document = settings.static_dir / "openapi.json"
    return {
        "sds_file": str(root / "sds" / "server.json"),
        "sds_folder": str(root / "sds"),
        "static": {
            OPENAPI_PATH: str(root / "static" / "openapi.json"),
            DOCS_PATH: str(root / "static" / "docs.html"),
        },
        "static_bytes": max(document.stat().st_size, len(page.encode())),
    }


def _secret(settings: GatewaySettings) -> dict[str, Any]:
    """The certificate as Envoy's secret discovery file; a rename in `cert_dir` makes Envoy read it again."""
    certificate = {
        "certificate_chain": {"filename": str(settings.cert_dir / settings.certificate_file)},
        "private_key": {"filename": str(settings.cert_dir / settings.key_file)},
        "watched_directory": {"path": str(settings.cert_dir)},
    }
    kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
    return {"resources": [{"@type": kind, "name": "server", "tls_certificate": certificate}]}


def _hsts(settings: GatewaySettings) -> str:
    suffix = "; includeSubDomains" if settings.hsts_seconds else ""
    return f"max-age={settings.hsts_seconds}{suffix}"


def _replace(path: Path, text: str, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=mode)
    fresh.write_text(text)
    fresh.replace(path)
