"""Hosts: which organisation a request's host names (design/security.md 4)."""

from starlette.requests import Request

NEUTRAL = frozenset({"api"})
"""Labels under the root domain that name no organisation: there the token alone decides."""
TENANT_HEADER = "x-execos-tenant"
"""What the gateway says for a host of an organisation's own (nobody else can: it takes such headers off)."""
PLATFORM = "platform"
"""The label of the host where no organisation has doors."""


def host_of(request: Request) -> str:
    """The host that was asked for, in lower case, without port or final dot."""
    return request.headers.get("host", "").lower().partition(":")[0].rstrip(".")


def tenant_slug(request: Request, root_domain: str) -> str | None:
    """The slug in `<slug>.<root domain>`, or the one that the gateway knows for another host; None elsewhere."""
    label = _label(request, root_domain)
    if label is None:
        return request.headers.get(TENANT_HEADER) or None
    return None if label in NEUTRAL else label


def is_platform(request: Request, root_domain: str) -> bool:
    """Whether the host is the platform's own."""
    return _label(request, root_domain) == PLATFORM


def _label(request: Request, root_domain: str) -> str | None:
    """What stands before the root domain; None on any other host, or when no root domain is set."""
    host = host_of(request)
    label = host.removesuffix(f".{root_domain}") if root_domain else host
    return None if label == host else label
