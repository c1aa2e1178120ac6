"""OpenID providers for tests: a standard one in a process of its own, and one that breaks the rules when told to."""

import base64
import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import httpx2
import orjson
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = {"clientId": "execos", "clientSecret": "a secret of the provider's"}
START_SECONDS = 20.0

Json = dict[str, Any]


@dataclass(frozen=True)
class StandardProvider:
    """`oidc-provider-mock`, an OpenID provider made for tests of sign-ins."""

    url: str

    def know(self, subject: str, **claims: Any) -> None:
        """Somebody can sign in there."""
        httpx2.put(f"{self.url}/users/{subject}", json=claims).raise_for_status()

    def sign_in(self, address: str, subject: str) -> str:
        """Use its page as a person does; where it sends the browser then."""
        page = httpx2.get(address)
        assert page.status_code == 200, page.text
        assert 'name="sub"' in page.text
        return self._sent(address, sub=subject)

    def refuse(self, address: str) -> str:
        """Press the other button of its page."""
        return self._sent(address, action="deny")

    def _sent(self, address: str, **form: str) -> str:
        answer = httpx2.post(address, data=form)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])


@contextmanager
def standard_provider() -> Iterator[StandardProvider]:
    """A standard provider on a free port of loopback, ended by its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        provider = StandardProvider(f"http://127.0.0.1:{port}")
        _wait(f"{provider.url}/jwks")
        yield provider
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx2.get(url).raise_for_status()
            return
        except httpx2.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


Reply = tuple[int, Any]


@dataclass
class RogueProvider:
    """A provider that follows the standard until a test changes one thing of it."""

    url: str = ""
    subject: str = field(default_factory=lambda: f"rogue-{uuid4()}")
    claims: Json = field(default_factory=dict)
    """Of the next identity token, over what it says by itself; None leaves a claim out."""
    userinfo: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    sign: Callable[["RogueProvider", Json], str] | None = None
    reply: Callable[[Json], Reply] | None = None
    asked: list[str] = field(default_factory=list)
    _waiting: dict[str, Json] = field(default_factory=dict)

    def publish(self) -> Json:
        """What it says of itself."""
        names = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "jwks_uri": "/jwks",
            "userinfo_endpoint": "/userinfo",
        }
        return {"issuer": self.url} | {name: self.url + path for name, path in names.items()} | self.metadata

    def sign_in(self, address: str) -> str:
        """Where it sends the browser at once."""
        request = dict(parse_qsl(urlsplit(address).query))
        assert request["response_type"] == "code"
        assert request["code_challenge_method"] == "S256"
        code = f"code-{len(self._waiting)}"
        self._waiting[code] = request
        return f"{request['redirect_uri']}?{urlencode({'code': code, 'state': request['state'], 'hd': 'x.example'})}"

    def answer(self, path: str, form: Json, authorization: str) -> Reply:
        """What it answers to the service."""
        self.asked.append(path)
        if path == "/token":
            reply = self._tokens(form, authorization)
            return self.reply(reply[1]) if self.reply else reply
        known = {
            "/.well-known/openid-configuration": self.publish(),
            "/jwks": KeySet([self.key]).as_dict(),
            "/userinfo": {"sub": self.subject} | self.userinfo,
        }
        return (200, known[path]) if path in known else (404, {})

    def _tokens(self, form: Json, authorization: str) -> Reply:
        request = self._waiting.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        client = f"{CLIENT['clientId']}:{CLIENT['clientSecret']}".encode()
        is_client = authorization == f"Basic {base64.b64encode(client).decode()}"
        if request is None or not is_client or challenge.decode().rstrip("=") != request["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT["clientId"],
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": request["nonce"],
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.sign(self, claims) if self.sign else self.signed(claims)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": token}

    def signed(self, claims: Json, key: RSAKey | None = None) -> str:
        """An identity token."""
        key = key or self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


@contextmanager
def rogue_provider() -> Iterator[RogueProvider]:
    """A provider that can be made to break the rules, on a free port of loopback."""
    provider = RogueProvider()

    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer(dict(parse_qsl(body)))

        def _answer(self, form: Json) -> None:
            path = urlsplit(self.path).path
            status, content = provider.answer(path, form, self.headers.get("authorization", ""))
            body = content if isinstance(content, bytes) else orjson.dumps(content)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
