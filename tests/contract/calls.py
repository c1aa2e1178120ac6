"""What a recipe makes: one request, on a row that it has made before where it needs one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contract.organisations import API, Json, Organisation


@dataclass(frozen=True)
class Call:
    """Path below /api/v1, body and headers of a request; `form` is a body that is no JSON."""

    path: str
    body: Json | None = None
    headers: dict[str, str] = field(default_factory=dict)
    form: bytes | None = None

    @property
    def content(self) -> dict[str, Any]:
        """The body, as the client takes it."""
        return {"json": self.body} if self.form is None else {"content": self.form}

    @property
    def url(self) -> str:
        """The whole path."""
        return self.path if self.path.startswith("/.well-known") else API + self.path


Recipe = Callable[[Organisation], Awaitable[Call]]


def at(path: str, body: Json | None = None, **headers: str) -> Recipe:
    """A request that needs no row."""

    async def call(_org: Organisation) -> Call:
        return Call(path, body, headers)

    return call


def on(
    row: Callable[[Organisation], Awaitable[Json]], path: str, body: Json | None = None, *before: str
) -> Recipe:
    """A request about a new row, after these actions on it."""

    async def call(org: Organisation) -> Call:
        found = await row(org)
        resource = path.partition("/{id}")[0]
        for action in before:
            await org.post(f"{resource}/{found['id']}/{action}")
        return Call(path.replace("{id}", found["id"]), body)

    return call
