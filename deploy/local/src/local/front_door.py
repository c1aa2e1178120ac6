"""The platform as a client sees it: HTTPS through the gateway, signed in as a person. For demo data and the demo."""

import ssl
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx2

PASSWORD = "execos-demo-pass"
PLATFORM_PASSWORD = "execos-platform-pass"
Json = dict[str, Any]


class Refused(Exception):
    """The platform answered with an error; the message is one line."""


class FrontDoor:
    """A connection to the gateway that trusts only the development CA."""

    def __init__(self, url: str, ca: Path) -> None:
        trust = ssl.create_default_context(cafile=ca)
        self._client = httpx2.Client(base_url=f"{url}/api/v1", verify=trust, timeout=15)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def sign_in(self, email: str, password: str = PASSWORD) -> "Person":
        """The person with a fresh access token; Refused when the credentials are not accepted."""
        answer = self.ask("POST", "/auth/login", json={"email": email, "password": password})
        self._client.cookies.clear()  # nobody here refreshes, and the next person must not carry this one's cookie
        return Person(self, email, answer["accessToken"])

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """The JSON of a successful answer; Refused otherwise."""
        try:
            answer = self._client.request(method, path, **request)
        except httpx2.HTTPError as error:
            raise Refused(f"{method} {path}: {error!r}") from error
        if answer.is_success:
            return answer.json() if answer.content else None
        try:
            envelope = answer.json()["error"]
            reason = f"{envelope['code']} {envelope['message']} {envelope.get('details') or ''}".strip()
        except (ValueError, KeyError, TypeError):
            reason = answer.text[:200]
        soon = answer.headers.get("retry-after")
        hint = f" Try again in {soon} s." if soon else ""
        raise Refused(f"{method} {path}: {answer.status_code} {reason}{hint}")


class Person:
    """Somebody signed in."""

    def __init__(self, door: FrontDoor, email: str, token: str) -> None:
        self._door = door
        self.email = email
        self._headers = {"Authorization": f"Bearer {token}"}

    @cached_property
    def id(self) -> str:
        """Who this is."""
        return str(self.get("/auth/me")["id"])

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a resource."""
        return self._door.ask("GET", path, params=query, headers=self._headers)

    def post(self, path: str, body: Json | None = None) -> Any:
        """Create or do something, once however often the connection fails."""
        headers = self._headers | {"Idempotency-Key": str(uuid4())}
        return self._door.ask("POST", path, json=body or {}, headers=headers)

    def items(self, path: str, **query: Any) -> Iterator[Json]:
        """Every item of a list, page after page."""
        page = 1
        while True:
            answer = self.get(path, page=page, pageSize=100, **query)
            yield from answer["items"]
            if page * 100 >= answer["total"]:
                return
            page += 1


def eventually(look: Callable[[], Any], what: str, *, seconds: float = 10.0) -> Any:
    """What `look` finds as soon as it finds something; Refused when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise Refused(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)
