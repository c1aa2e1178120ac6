"""The route table as data: which context owns a path, and which paths need no token."""

import re
from dataclasses import dataclass
from typing import Any, Final

API: Final = "/api/v1"
PLATFORM: Final = f"{API}/platform"

#: Path prefixes under `/api/v1`, each with the context that serves it (design/api.md §5, spec/wire.md §1).
PREFIXES: Final[dict[str, tuple[str, ...]]] = {
    "identity": (
        "auth",
        "orgs",
        "org",
        "users",
        "roles",
        "permissions",
        "authz",
        "directory",
        "settings",
        "platform",
    ),
    "sales": (
        "companies",
        "contacts",
        "leads",
        "deals",
        "pipelines",
        "notes",
        "tags",
        "custom-fields",
        "views",
        "imports",
        "forms",
        "search",
    ),
    "work": ("work-items", "reminders", "calendar", "boards"),
    "billing": (
        "invoices",
        "payments",
        "credit-notes",
        "statements",
        "expenses",
        "tax-rates",
        "currency-rates",
        "recurring-invoices",
    ),
    "notifications": ("notifications", "feed", "webhooks", "email", "stream"),
    "reporting": ("ceo", "dashboard", "hygiene", "reports", "audit", "jobs"),
}

CONTEXTS: Final[tuple[str, ...]] = tuple(PREFIXES)

#: What is as long as it is, and whose it is: the service ends it, or falls silent. Exports are of their entity's owner.
DOWNLOADS: Final[dict[str, str]] = {
    f"{API}/exports/companies.csv": "sales",
    f"{API}/exports/contacts.csv": "sales",
    f"{API}/exports/leads.csv": "sales",
    f"{API}/exports/deals.csv": "sales",
    f"{API}/exports/work-items.csv": "work",
    f"{API}/exports/invoices.csv": "billing",
    f"{API}/exports/payments.csv": "billing",
    f"{API}/exports/expenses.csv": "billing",
    f"{API}/audit/export.csv": "reporting",
}

JWKS_PATH: Final = "/.well-known/jwks.json"
OPENAPI_PATH: Final = f"{API}/openapi.json"
DOCS_PATH: Final = "/api/docs"
HEALTH_PATHS: Final = ("/health", f"{API}/health")
READY_PATHS: Final = ("/ready", f"{API}/ready", f"{API}/health/ready")

#: Where a path goes on with a one-time token (spec/wire.md §7, §8): the access log stops there.
TOKEN_PATHS: Final = (
    "/invite",
    "/reset",
    "/verify",
    f"{API}/auth/invitations",
    f"{API}/calendar/feeds",
    f"{API}/email/unsubscribe",
    f"{API}/forms",
)


@dataclass(frozen=True, slots=True)
class Route:
    """A path, or a prefix that ends at a path segment, and the context that answers it."""

    path: str
    context: str
    is_exact: bool = False

    def matches(self, path: str) -> bool:
        """Whether the gateway sends `path` (without query) along this route."""
        return path == self.path or (not self.is_exact and path.startswith(f"{self.path}/"))


def routes() -> tuple[Route, ...]:
    """Every route to a service, in the order in which the gateway tries them."""
    exact = [Route(JWKS_PATH, "identity", is_exact=True)]
    exact += [Route(path, context, is_exact=True) for path, context in DOWNLOADS.items()]
    by_prefix = [Route(f"{API}/{prefix}", context) for context in CONTEXTS for prefix in PREFIXES[context]]
    return (*exact, *by_prefix)


@dataclass(frozen=True, slots=True)
class PublicOperation:
    """An operation of a service that needs no token; a `{name}` in its path stands for one segment.

    `limit` names a budget of its own for each client address. With `takes_token` a token may come along, and is then
    checked like any other. With `is_shared` the other methods of its path need one.
    """

    method: str
    path: str
    limit: str | None = None
    takes_token: bool = False
    is_shared: bool = False

    @property
    def context(self) -> str:
        """The context that answers it."""
        return owner_of(self.path) or "identity"

    @property
    def match(self) -> dict[str, Any]:
        """How Envoy recognises it: by its path, and by its method where that is not the only public one."""
        if not self.is_shared:
            return path_match(self.path)
        return path_match(self.path) | {
            "headers": [{"name": ":method", "string_match": {"exact": self.method}}]
        }


#: Services' operations that need no token; what takes a credential has the budget of sign-ins.
PUBLIC_OPERATIONS: Final = (
    PublicOperation("POST", f"{API}/auth/login", limit="login"),
    PublicOperation("POST", f"{API}/auth/refresh", limit="refresh"),
    PublicOperation("POST", f"{API}/auth/logout"),
    PublicOperation("GET", f"{API}/auth/invitations/{{token}}"),
    PublicOperation("POST", f"{API}/auth/invitations/{{token}}/accept", limit="login", takes_token=True),
    PublicOperation("POST", f"{PLATFORM}/auth/login", limit="login"),
    PublicOperation("POST", f"{API}/auth/signup", limit="login"),
    PublicOperation("POST", f"{API}/auth/forgot-password", limit="login"),
    PublicOperation("POST", f"{API}/auth/reset-password", limit="login"),
    PublicOperation("POST", f"{API}/auth/verify-email", limit="login"),
    PublicOperation("POST", f"{API}/auth/resend-verification", limit="login", takes_token=True),
    PublicOperation("GET", f"{API}/auth/oidc"),
    PublicOperation("GET", f"{API}/auth/oidc/{{provider}}/start", limit="login"),
    PublicOperation("GET", f"{API}/auth/oidc/{{provider}}/callback", limit="login"),
    PublicOperation("POST", f"{API}/auth/passkeys/login/options"),
    PublicOperation("POST", f"{API}/auth/passkeys/login/verify", limit="login"),
    PublicOperation("POST", f"{API}/forms/{{form}}", limit="forms", is_shared=True),
    PublicOperation("GET", JWKS_PATH),
)

#: Where a POST may be longer than everything else: the service behind it has a limit of its own.
UPLOADS: Final[dict[str, str]] = {f"{API}/imports": "sales"}

#: What the gateway answers itself, to everybody.
OWN_PATHS: Final = (*HEALTH_PATHS, *READY_PATHS, OPENAPI_PATH, DOCS_PATH)


def path_match(path: str) -> dict[str, Any]:
    """How Envoy matches a path exactly; a `{name}` takes one segment of the characters that tokens are made of."""
    if "{" not in path:
        return {"path": path}
    return {"safe_regex": {"regex": re.sub(r"\\{[a-z_]+\\}", "[A-Za-z0-9._~-]+", re.escape(path))}}


def find_public(method: str, path: str) -> PublicOperation | None:
    """The public operation of that method and documented path."""
    return next((each for each in PUBLIC_OPERATIONS if (each.method, each.path) == (method, path)), None)


def owner_of(path: str) -> str | None:
    """The context that answers `path`, or None when no service does."""
    return next((route.context for route in routes() if route.matches(path)), None)
