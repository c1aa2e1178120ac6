"""The floors of signed-in people: who am I, and the next refresh token. `python -m bench.identity_floors <port>`.

The same database and rows as identity, the SQL text of its own reads where it has one, a psycopg pool and a bare route.
"""

import base64
import hashlib
import hmac
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
import orjson
import uvicorn
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request, Response
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from chassis.database import OPTIONS
from chassis.ids import new_id
from chassis.service import BACKLOG, KEEP_ALIVE_SECONDS, SYSTEM_POOL
from identity.http.cookies import REFRESH
from identity.store import accounts

MEMBERSHIPS = accounts.MEMBERSHIPS
TYPES = {"told": "identity.session.refreshed.v1", "kept": "identity.activity.recorded.v1"}
KEY = ec.generate_private_key(ec.SECP256R1())
SECRET = b"a secret of this floor alone, made of 40 b"

LOCK_SESSION = """
SELECT org_id, user_id, counter, rotated_at, last_used_at, expires_at, ended_at FROM session WHERE id = %(session_id)s
FOR UPDATE
"""
SEAT = """
SELECT a.*, m.*, o.*, p.* FROM user_account a
JOIN membership m ON m.id = a.id
JOIN organisation o ON o.org_id = m.org_id
JOIN policies p ON p.org_id = m.org_id
WHERE m.org_id = %(org_id)s AND m.id = %(user_id)s
"""
ROTATE = """
UPDATE session SET counter = counter + 1, version = version + 1, rotated_at = %(now)s, last_used_at = %(now)s,
    updated_at = %(now)s WHERE org_id = %(org_id)s AND id = %(session_id)s
"""
ACTIVITY = """
INSERT INTO activity (org_id, id, entity_type, entity_id, action, actor, before, after, request_id, at)
VALUES (%(org_id)s, %(entry)s, 'AUTH', %(session_id)s, 'TOKEN_REFRESH', %(actor)s, NULL, %(after)s, NULL, %(now)s)
"""
FACTS = """
INSERT INTO outbox
    (org_id, event_id, aggregate_type, aggregate_id, aggregate_version, type, payload, headers, created_at)
VALUES
    (%(org_id)s, %(event)s, 'session', %(session_id)s, 1, %(told)s, %(after)s, %(actor)s, %(now)s),
    (%(org_id)s, %(entry)s, 'session', %(session_id)s, 1, %(kept)s, %(after)s, %(actor)s, %(now)s)
"""


async def _autocommit(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)


@asynccontextmanager
async def _pooled(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncConnectionPool(
        os.environ["FLOOR_DATABASE_URL"],
        min_size=SYSTEM_POOL,
        configure=_autocommit,
        kwargs={"options": OPTIONS},
        open=False,
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_pooled, openapi_url=None)


@app.get("/me")
async def me(user: UUID, session: UUID, request: Request) -> Response:
    """A person and their memberships."""
    values = MEMBERSHIPS.values({"user_id": user, "session_id": session})
    async with request.app.state.pool.connection() as connection:
        await connection.execute("BEGIN READ ONLY")
        rows = await (await connection.execute(MEMBERSHIPS.sql, values)).fetchall()
        await connection.execute("COMMIT")
    shown = {
        "id": rows[0][0],
        "name": rows[0][1],
        "email": rows[0][2],
        "memberships": [list(row) for row in rows],
    }
    return Response(orjson.dumps(shown, default=str), media_type="application/json")


@app.post("/refresh")
async def refresh(request: Request) -> Response:
    """The next refresh token of a session, and an access token."""
    session_id, counter = _spent(request.cookies[REFRESH])
    now = datetime.now(UTC)
    values = TYPES | {"session_id": session_id, "now": now, "entry": new_id(), "event": new_id()}
    async with request.app.state.pool.connection() as connection:
        await connection.execute("BEGIN")
        session = await (await connection.execute(LOCK_SESSION, values)).fetchone()
        values |= {"org_id": session[0], "user_id": session[1]}
        await (await connection.execute(SEAT, values)).fetchone()
        told = {"sessionId": str(session_id), "userId": str(values["user_id"]), "at": now.isoformat()}
        values |= {"actor": Jsonb({"id": str(values["user_id"]), "kind": "user"}), "after": Jsonb(told)}
        for statement in (ROTATE, ACTIVITY, FACTS):
            await connection.execute(statement, values)
        await connection.execute("COMMIT")
    seconds = int(time.time())
    claims = {
        "sub": str(values["user_id"]),
        "org": str(values["org_id"]),
        "iat": seconds,
        "exp": seconds + 600,
    }
    answer = {"accessToken": jwt.encode(claims, KEY, algorithm="ES256"), "expiresIn": 600}
    response = Response(orjson.dumps(answer), media_type="application/json")
    response.set_cookie(REFRESH, sealed(session_id, counter + 1), httponly=True, secure=True)
    return response


@app.get("/readyz")
async def ready() -> Response:
    """It answers."""
    return Response(b"{}", media_type="application/json")


def sealed(session_id: UUID, counter: int) -> str:
    """A refresh token of this floor."""
    content = session_id.bytes + counter.to_bytes(4)
    return base64.urlsafe_b64encode(content + hmac.digest(SECRET, content, hashlib.sha256)).decode()


def _spent(token: str) -> tuple[UUID, int]:
    raw = base64.urlsafe_b64decode(token)
    if not hmac.compare_digest(raw[20:], hmac.digest(SECRET, raw[:20], hashlib.sha256)):
        raise ValueError("not ours")
    return UUID(bytes=raw[:16]), int.from_bytes(raw[16:20])


def main(port: int) -> None:
    """Serve with the options of our services."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    uvloop.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main(int(sys.argv[1]))
