"""Somebody at the gateway: a browser or a program, over TLS that our own CA vouches for."""

import ssl
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx2

PASSWORD = "execos-demo-pass"
Json = dict[str, Any]


class Visitor:
    """A client with its own cookies at one host name; connects to loopback whatever the name, from its `address`."""

    def __init__(self, url: str, ca: Path, *, host: str = "localhost", address: str = "127.0.0.1") -> None:
        trust = ssl.create_default_context(cafile=ca)
        self._client = httpx2.Client(
            base_url=url,
            transport=httpx2.HTTPTransport(verify=trust, local_address=address),
            timeout=15,
            follow_redirects=False,
            headers={"Host": f"{host}:{url.rpartition(':')[2]}"},
        )
        self._host = host
        self.token: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> httpx2.Response:
        """Ask for a token and keep it, with the cookies, when it is given."""
        body = {"email": email, "password": password, **more}
        answer = self.ask("POST", "/api/v1/auth/login", json=body)
        if answer.is_success:
            self.token = answer.json()["accessToken"]
        return answer

    def ask(self, method: str, path: str, *, headers: Json | None = None, **request: Any) -> httpx2.Response:
        """The answer, whatever it is; with the token when there is one and no other is given."""
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self._client.request(
            method,
            path,
            headers=own | (headers or {}),
            extensions={"sni_hostname": self._host},
            **request,
        )

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a resource of the API."""
        return _content(self.ask("GET", f"/api/v1{path}", params=query))

    def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> Any:
        """The JSON of what was created or done, once whatever happens on the way."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        return _content(self.ask("POST", f"/api/v1{path}", json=body or {}, headers=headers))

    def put(self, path: str, body: Json) -> Any:
        """The JSON of what was replaced."""
        return _content(self.ask("PUT", f"/api/v1{path}", json=body))

    @property
    def cookies(self) -> httpx2.Cookies:
        """What the gateway has given to keep."""
        return self._client.cookies


def _content(answer: httpx2.Response) -> Any:
    if not answer.is_success:
        where = f"{answer.request.method} {answer.request.url.path}"
        raise AssertionError(f"{where}: {answer.status_code} {answer.text[:300]}")
    return answer.json() if answer.content else None


def envelope(answer: httpx2.Response) -> Json:
    """The error of an answer that must be the one envelope."""
    body = answer.json()
    assert set(body) == {"error"}, body
    error: Json = body["error"]
    assert {"code", "message", "requestId"} <= set(error) <= {"code", "message", "requestId", "details"}, body
    assert answer.headers["content-type"].startswith("application/json"), answer.headers
    return error
