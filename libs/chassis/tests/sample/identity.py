"""Identity as far as the chassis needs one: tokens, and an address that publishes keys."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from chassis.ids import new_id
from chassis.testing.tokens import AUDIENCE, ISSUER, KEY_ID, signing_key


def forged(
    key: Any = None, algorithm: str = "ES256", headers: dict[str, Any] | None = None, **claims: Any
) -> str:
    """A token that says all the right things, signed or headed wrongly."""
    now = int(time.time())
    values = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": str(new_id()), "org": str(new_id()), "scope": "*", "sid": "s",
        "ver": 1, "jti": "j", "iat": now, "nbf": now, "exp": now + 600,
    }  # fmt: skip
    values = {name: value for name, value in (values | claims).items() if value is not None}
    head = {"kid": KEY_ID, "typ": "at+jwt"} | (headers or {})
    head = {name: value for name, value in head.items() if value is not None}
    return jwt.encode(values, key or signing_key(), algorithm=algorithm, headers=head)


class Identity:
    """An HTTP server that publishes keys, or not."""

    def __init__(self) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {"first": ec.generate_private_key(ec.SECP256R1())}
        self.asked = 0
        self.status = 200
        self.delay = 0.0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await asyncio.sleep(self.delay)
        keys = [
            ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "alg": "ES256", "use": "sig"}
            for kid, key in self.keys.items()
        ]
        body = orjson.dumps({"keys": keys})
        head = (
            f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
        )
        writer.write(head + body)
        await writer.drain()
        writer.close()

    def token(self, kid: str = "first", **claims: Any) -> str:
        return forged(self.keys[kid], headers={"kid": kid}, **claims)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Identity"]:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/.well-known/jwks.json"
        yield self
        server.close()
        await server.wait_closed()
