"""Hosts: which organisation a request's host names (design/security.md 4)."""

from starlette.requests import Request

NEUTRAL = frozenset({"api"})
"""Labels under the root domain that name no organisation: there the token alone decides."""
PLATFORM = "platform"
"""The label of the host where no organisation has doors."""


def tenant_slug(request: Request, root_domain: str) -> str | None:
    """The slug in `<slug>.<root domain>`; None on any other host, or when no root domain is set."""
    host = request.headers.get("host", "").lower().partition(":")[0].rstrip(".")
    label = host.removesuffix(f".{root_domain}") if root_domain else host
    return None if label == host or label in NEUTRAL else label
