"""The environment each service is started with: only what it needs, nothing of the caller's shell."""

import os
from collections.abc import Mapping
from pathlib import Path

from local.certificates import ROOT_DOMAIN
from local.keys import Keys
from local.ports import CONTEXTS, HOST
from local.postgres import Cluster
from local.settings import Settings

CORE = ("identity", "sales", "work", "billing")
PEERS: Mapping[str, tuple[str, ...]] = {
    "identity": (),
    "sales": ("identity",),
    "work": ("identity", "sales"),
    "billing": ("identity", "sales"),
    "notifications": ("identity", "billing"),
    "reporting": ("identity", "sales", "work", "billing", "notifications"),
}
PLATFORM_WIDE = ("EXECOS_SERVICES", "EXECOS_CORE_SERVICES", "EXECOS_JWKS_CACHE_SECONDS")
OWNER_URL = "OWNER_DATABASE_URL"
FRONTENDS = ("http://localhost:3000", "http://localhost:5173")


def inherited() -> dict[str, str]:
    """What every child gets from the caller; never a secret of theirs."""
    kept = (
        "PATH",
        "HOME",
        "TMPDIR",
        "PYTHONPATH",
        "PYTHONPYCACHEPREFIX",
        "VIRTUAL_ENV",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    )
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
    }


def service_environment(context: str, settings: Settings, keys: Keys, cluster: Cluster) -> dict[str, str]:
    """Everything `python -m <context> migrate|serve|seed` reads; what the person set wins."""
    own = _shared(context, settings, keys, cluster) | _special(context, settings, keys)
    named = {f"{context.upper()}_{name}": value for name, value in own.items()}
    urls = ",".join(f"{name}=http://{HOST}:{settings.ports.http(name)}" for name in CONTEXTS)
    platform = {
        "EXECOS_ENV": settings.environment,
        "EXECOS_PROFILE": settings.profile,
        "EXECOS_SERVICES": urls,
        "EXECOS_CORE_SERVICES": ",".join(CORE),
    }
    prefixes = (f"{context.upper()}_", *PLATFORM_WIDE)
    chosen = {name: value for name, value in settings.overrides.items() if name.startswith(prefixes)}
    for suffix in ("", "_FILE"):
        chosen.pop(f"{context.upper()}_{OWNER_URL}{suffix}", None)  # for `migrate` alone
    given = {name: value for name, value in named.items() if f"{name}_FILE" not in chosen}
    return inherited() | platform | given | chosen


def service_secret(context: str, settings: Settings, keys: Keys, cluster: Cluster) -> str:
    """What a service's callers must know, wherever it has it from."""
    environment = service_environment(context, settings, keys, cluster)
    name = f"{context.upper()}_SERVICE_SECRET"
    return environment.get(name) or Path(environment[f"{name}_FILE"]).read_text().strip()


def _shared(context: str, settings: Settings, keys: Keys, cluster: Cluster) -> dict[str, str]:
    ports = settings.ports
    peers = {f"{peer.upper()}_GRPC": f"{HOST}:{ports.grpc(peer)}" for peer in PEERS[context]}
    return peers | {
        "DATABASE_URL": cluster.url(f"{context}_app", context),
        "SYSTEM_DATABASE_URL": cluster.url(f"{context}_system", context),
        "NATS_URL": f"nats://{HOST}:{ports.nats}",
        "HTTP_ADDRESS": f"{HOST}:{ports.http(context)}",
        "GRPC_ADDRESS": f"{HOST}:{ports.grpc(context)}",
        "METRICS_ADDRESS": f"{HOST}:{ports.metrics(context)}",
        "JWKS_URL": f"http://{HOST}:{ports.http('identity')}/.well-known/jwks.json",
        "TOKEN_ISSUER": settings.public_url,
        "TOKEN_AUDIENCE": "execos",
        "SERVICE_SECRET": keys.text("service-secret"),
        "PUBLIC_BASE_URL": settings.public_url,
        "ROOT_DOMAIN": ROOT_DOMAIN,
        "LOG_LEVEL": "info",
    }


def _special(context: str, settings: Settings, keys: Keys) -> dict[str, str]:
    if context == "identity":
        return {
            "ENCRYPTION_KEY": keys.key("identity-encryption-key"),
            "REFRESH_KEY": keys.text("identity-refresh-key"),
            "ALLOWED_ORIGINS": ",".join((*FRONTENDS, settings.public_url)),
            "COOKIE_SAMESITE": "none" if settings.environment == "development" else "lax",
        }
    if context == "notifications":
        return {
            "SMTP_URL": f"smtp://{HOST}:{settings.ports.mail_smtp}",
            "MAIL_FROM": "no-reply@execos.example",
        }
    if context == "reporting":
        return {"AUDIT_KEY": keys.text("reporting-audit-key")}
    return {}


def migration_environment(
    contexts: tuple[str, ...], settings: Settings, keys: Keys, cluster: Cluster
) -> dict[str, str]:
    """One environment for the migrations of several services: prefixes keep them apart."""
    union: dict[str, str] = {}
    for context in contexts:
        union |= service_environment(context, settings, keys, cluster)
        name = f"{context.upper()}_{OWNER_URL}"
        chosen = {
            each: settings.overrides[each] for each in (name, f"{name}_FILE") if each in settings.overrides
        }
        union |= chosen or {name: cluster.url(f"{context}_owner", context)}
    return union
