"""The floors: the least code that does the same work. A process of its own: `python -m bench.floors <port>`.

The read and the write floor use the same database, tables and SQL text as sales, a psycopg pool and a bare FastAPI
route; the constant route is what stands behind both gateways of the edge comparison.
"""

import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from chassis.database import OPTIONS, POOL_SIZE
from chassis.ids import new_id
from chassis.paging import PageQuery
from chassis.service import BACKLOG, KEEP_ALIVE_SECONDS
from sales.store import companies

# The very text that sales runs: of its list with its only default filter, and of its single read.
LIST = companies.LIST.compiled(PageQuery(), "live")
ONE = companies.BY_ID
NAMES = (
    "id",
    "version",
    "name",
    "industry",
    "website",
    "phone",
    "email",
    "legalName",
    "vatId",
    "address",
    "ownerUserId",
    "owner",
    "tags",
    "customFields",
    "mergedIntoId",
    "archivedAt",
    "createdAt",
    "updatedAt",
)
CONSTANT = orjson.dumps({"items": [{"id": number, "name": "x" * 40} for number in range(20)]})

INSERT_COMPANY = """
INSERT INTO company (org_id, id, version, created_at, updated_at, name)
VALUES (%(org_id)s, %(id)s, 1, %(now)s, %(now)s, %(name)s)
"""
INSERT_ACTIVITY = """
INSERT INTO activity (org_id, id, entity_type, entity_id, action, actor, before, after, request_id, at)
VALUES (%(org_id)s, %(entry)s, 'COMPANY', %(id)s, 'CREATE', %(actor)s, NULL, %(after)s, %(request)s, %(now)s)
"""
INSERT_OUTBOX = """
INSERT INTO outbox
    (org_id, event_id, aggregate_type, aggregate_id, aggregate_version, type, payload, headers, created_at)
VALUES
    (%(org_id)s, %(event)s, 'company', %(id)s, 1, 'sales.company.created.v1', %(payload)s, %(headers)s, %(now)s)
"""

ORG = UUID(os.environ.get("FLOOR_ORG", "00000000-0000-0000-0000-000000000000"))
BEGIN_READ = f"BEGIN READ ONLY; SET LOCAL app.org_id = '{ORG}'"
BEGIN_WRITE = f"BEGIN; SET LOCAL app.org_id = '{ORG}'"


async def _autocommit(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)


@asynccontextmanager
async def _pooled(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncConnectionPool(
        os.environ["FLOOR_DATABASE_URL"],
        min_size=POOL_SIZE,
        configure=_autocommit,
        kwargs={"options": OPTIONS},
        open=False,
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_pooled, openapi_url=None)


@app.get("/companies")
async def search(request: Request) -> Response:
    """Twenty companies and their number."""
    values = LIST.values({"org_id": ORG, "live": True, "row_limit": 20, "row_offset": 0})
    async with request.app.state.pool.connection() as connection:
        await connection.execute(BEGIN_READ)
        rows = await (await connection.execute(LIST.sql, values)).fetchall()
        await connection.execute("COMMIT")
    *_, sort_value, sort_id, total = rows[-1]
    cursor = orjson.dumps(["createdAt", "desc", sort_value, sort_id])
    page = {
        "items": [dict(zip(NAMES, row, strict=False)) for row in rows],
        "page": 1,
        "pageSize": 20,
        "totalCount": total,
        "total": total,
        "nextCursor": base64.urlsafe_b64encode(cursor).decode().rstrip("="),
    }
    return Response(orjson.dumps(page, option=orjson.OPT_UTC_Z), media_type="application/json")


@app.get("/companies/{company_id}")
async def read(company_id: UUID, request: Request) -> Response:
    """One company."""
    values = ONE.values({"org_id": ORG, "company_id": company_id})
    async with request.app.state.pool.connection() as connection:
        await connection.execute(BEGIN_READ)
        row = await (await connection.execute(ONE.sql, values)).fetchone()
        await connection.execute("COMMIT")
    shown = dict(zip(NAMES, row, strict=True))
    return Response(orjson.dumps(shown, option=orjson.OPT_UTC_Z), media_type="application/json")


@app.post("/companies")
async def create(request: Request) -> Response:
    """A company, its history and its fact, in one transaction."""
    name = orjson.loads(await request.body())["name"]
    company_id, now = new_id(), datetime.now(UTC)
    shown = dict.fromkeys(NAMES) | {
        "id": company_id,
        "version": 1,
        "name": name,
        "createdAt": now,
        "updatedAt": now,
    }
    values = {
        "org_id": ORG,
        "id": company_id,
        "entry": new_id(),
        "event": new_id(),
        "now": now,
        "name": name,
        "actor": Jsonb({"id": str(ORG), "name": "Floor", "email": None, "kind": "user"}),
        "after": Jsonb({"name": name}),
        "request": request.headers.get("x-request-id"),
        "payload": Jsonb({"company": {"id": str(company_id), "name": name}}),
        "headers": Jsonb({"actor": f"user:{ORG}"}),
    }
    async with request.app.state.pool.connection() as connection:
        await connection.execute(BEGIN_WRITE)
        for statement in (INSERT_COMPANY, INSERT_ACTIVITY, INSERT_OUTBOX):
            await connection.execute(statement, values)
        await connection.execute("COMMIT")
    return Response(orjson.dumps(shown, option=orjson.OPT_UTC_Z), 201, media_type="application/json")


@app.get("/{path:path}")
async def constant(path: str) -> Response:  # noqa: ARG001 - whatever it is
    """The same for every other address, also of the health check."""
    return Response(CONSTANT, media_type="application/json")


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
