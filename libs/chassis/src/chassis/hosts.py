"""Hosts: which organisation a request's host names (design/security.md 4)."""

from starlette.requests import Request

NEUTRAL = frozenset({"api"})
"""Labels under the root domain that name no organisation: there the token alone decides."""
PLATFORM = "platform"
"""The label of the host where no organisation has doors."""
TENANT_HEADER = "x-execos-tenant"
"""The slug behind a host outside the root domain; the gateway sets it, and nobody can bring it from outside."""


def host_of(request: Request) -> str:
    """The host that was asked for, in lower case, without port or final dot."""
    return request.headers.get("host", "").lower().partition(":")[0].rstrip(".")


def tenant_slug(request: Request, root_domain: str) -> str | None:
    """The slug in `<slug>.<root domain>` or behind another host; None where the token alone decides."""
    label = _label(request, root_domain)
    if label is None or label in NEUTRAL:
        return None if label else request.headers.get(TENANT_HEADER)
    return label


def is_platform(request: Request, root_domain: str) -> bool:
    """Whether the host is the platform's own."""
    return _label(request, root_domain) == PLATFORM


def _label(request: Request, root_domain: str) -> str | None:
    """What stands before the root domain; None on any other host, or when no root domain is set."""
    host = host_of(request)
    label = host.removesuffix(f".{root_domain}") if root_domain else host
    return None if label == host else label
