"""Every error that Envoy answers itself, as the platform's envelope: first match wins (design/api.md §1)."""

from dataclasses import dataclass, field
from typing import Final

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_RETRY_SOON: Final = {"retry-after": "1"}
_ALL_METHODS: Final = {"allow": ", ".join(METHODS)}


@dataclass(frozen=True, slots=True)
class Reply:
    """One error: when it applies (a CEL expression over Envoy's own answer) and what the client sees instead."""

    when: str
    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)


def _details(value: str) -> str:
    return f"response.code_details == '{value}'"


def _status(value: int) -> str:
    return f"response.code == {value}"


def _route(name: str, status: int) -> str:
    return f"xds.route_name == '{name}' && response.code == {status}"


def replies() -> tuple[Reply, ...]:
    """All replies; the causes that need more than a status come first."""
    return (*_by_route(), *_by_cause(), *_by_status())


def _by_route() -> tuple[Reply, ...]:
    return (
        # Whatever the route would have been: nobody could say whose key or whose host it is.
        Reply(
            _details("ext_authz_error"),
            503,
            "SERVICE_UNAVAILABLE",
            "The service is not available. Try again.",
            _RETRY_SOON,
        ),
        Reply(_route("unknown_host", 404), 404, "UNKNOWN_HOST", "No such host."),
        Reply(_route("https_required", 400), 400, "HTTPS_REQUIRED", "Use HTTPS."),
        Reply(
            _route("get_only", 405), 405, "METHOD_NOT_ALLOWED", "Method not allowed.", {"allow": "GET, HEAD"}
        ),
        Reply(_route("unknown_path", 503), 404, "NOT_FOUND", "No such resource."),
    )


def _by_cause() -> tuple[Reply, ...]:
    denied = "response.code_details.startsWith('jwt_authn_access_denied{"
    return (
        # Without identity's keys nobody's token can be judged: a 401 would sign people out for nothing.
        Reply(
            f"{denied}Jwks_remote_fetch_is_failed')",
            503,
            "SERVICE_UNAVAILABLE",
            "Sign-in keys are not reachable. Try again.",
            _RETRY_SOON,
        ),
        Reply(f"{denied}')", 401, "UNAUTHORIZED", "A valid access token is required."),
        Reply(
            "response.code_details.startsWith('rbac_access_denied')",
            405,
            "METHOD_NOT_ALLOWED",
            "Method not allowed.",
            _ALL_METHODS,
        ),
        Reply(_details("upgrade_failed"), 400, "BAD_REQUEST", "Protocol upgrades are not supported."),
    )


def _by_status() -> tuple[Reply, ...]:
    return (
        Reply(_status(400), 400, "BAD_REQUEST", "The request could not be understood."),
        Reply(_status(401), 401, "UNAUTHORIZED", "A valid access token is required."),
        Reply(_status(403), 403, "FORBIDDEN", "Not allowed."),
        Reply(_status(404), 404, "NOT_FOUND", "No such resource."),
        Reply(_status(408), 408, "REQUEST_TIMEOUT", "The request took too long to arrive."),
        Reply(_status(413), 413, "PAYLOAD_TOO_LARGE", "The body is larger than 1 MiB."),
        Reply(_status(426), 426, "UPGRADE_REQUIRED", "Use HTTP/1.1 or HTTP/2."),
        Reply(_status(429), 429, "TOO_MANY_REQUESTS", "Too many requests. Try again later."),
        Reply(_status(431), 431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "The headers are too large."),
        Reply(_status(502), 502, "BAD_GATEWAY", "The service answered with something unreadable."),
        Reply(_status(504), 504, "GATEWAY_TIMEOUT", "The service did not answer in time."),
        Reply(
            "response.code >= 500",
            503,
            "SERVICE_UNAVAILABLE",
            "The service is not available. Try again.",
            _RETRY_SOON,
        ),
        Reply("response.code >= 400", 400, "BAD_REQUEST", "The request could not be understood."),
    )
