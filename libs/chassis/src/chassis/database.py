"""The database of a service: one pool, transactions bound to a tenant as cheaply as possible (design/data.md)."""

import asyncio
import select
from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import PoolProxiedConnection, QueuePool
from sqlalchemy.util import greenlet_spawn
from sqlalchemy.util.concurrency import await_only, in_greenlet

from chassis.context import current_work
from chassis.tasks import uninterrupted

Driver = psycopg.AsyncConnection[Any]

# No overflow: a connection beyond the size is closed when it comes back, and making the next one (a process of the
# server, a key derivation) costs more than a request.
POOL_SIZE = 10
POOL_OVERFLOW = 0
POOL_WAIT_SECONDS = 2
CONNECT_SECONDS = 5  # ten at once on a busy machine take their time; a server that is away refuses at once
ROLLBACK_SECONDS = 1
OPTIONS = "-c TimeZone=UTC -c search_path=public,procrastinate"  # the job queue has a schema of its own


class TenantSession(Session):
    """A session whose transaction begins with its first statement and is bound to one organisation."""


@event.listens_for(TenantSession, "after_begin")
def _begin(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    # The engine is in driver autocommit, so this statement alone opens the transaction: BEGIN and the tenant setting in
    # one round trip, where SQLAlchemy's own begin and a set_config() would cost two and half a millisecond.
    begin = session.info["begin"]
    try:
        connection.connection.dbapi_connection.run_async(lambda driver: driver.execute(begin))  # type: ignore[union-attr]
    except psycopg.OperationalError:
        # Once more where SQLAlchemy sees it fail: it throws away this connection and its siblings.
        connection.exec_driver_sql(begin)


class BorrowingSession(Session):
    """A session on a connection of its owner's, who begins, commits and returns it: `info["borrow"]` gives it."""

    def get_bind(self, *_: Any, **__: Any) -> Connection:
        """The connection; asked for by every statement, in the greenlet where it may be waited for."""
        bound: Connection | None = self.info.get("connection")
        if bound is None:
            opened: Opened = await_only(self.info["borrow"]())
            bound = self.info["connection"] = Connection(self.info["engine"], connection=opened.pooled)
        return bound


def _begin_statement(org_id: UUID | None, *, read_only: bool) -> str:
    begin = "BEGIN READ ONLY" if read_only else "BEGIN"
    # UUID again: nothing else can get into the statement.
    return begin if org_id is None else f"{begin}; SET LOCAL app.org_id = '{UUID(bytes=org_id.bytes)}'"


def _count_statement(*_: Any) -> None:
    work = current_work()
    if work is not None:
        work.statements += 1


def _is_alive(driver: Driver) -> bool:
    """Whether nothing has come in on an idle connection: a server that ends it says so, and costs us no round trip."""
    waiting = select.poll()
    waiting.register(driver.fileno(), select.POLLIN)
    return not waiting.poll(0)


def _refuse_dead(connection: Any, record: Any, _fairy: Any) -> None:
    is_used = record.info.setdefault("is_used", False)
    record.info["is_used"] = True
    if is_used and in_greenlet() and not _is_alive(connection.driver_connection):
        raise DisconnectionError("the server has closed it")  # the pool makes a new one


def _keep_siblings(context: ExceptionContext) -> None:
    # Each connection is looked at when it is taken: one that broke says nothing of the others.
    context.invalidate_pool_on_disconnect = False


class Opened:
    """A connection of the pool in a transaction that has begun; it goes back with `close`."""

    __slots__ = ("_give_back", "driver", "pooled")

    def __init__(
        self, pooled: PoolProxiedConnection, give_back: Callable[[PoolProxiedConnection], Awaitable[None]]
    ) -> None:
        self.pooled = pooled
        self.driver = cast("Driver", pooled.driver_connection)
        self._give_back = give_back

    async def close(self) -> None:
        """Roll back what was not committed and return the connection, also when the task is being cancelled."""
        if self.driver.pgconn.transaction_status == TransactionStatus.IDLE:
            await self._give_back(self.pooled)  # at once: no task, which would cost as much as a statement
        else:
            await uninterrupted(self._abandon())

    async def _abandon(self) -> None:
        try:
            async with asyncio.timeout(ROLLBACK_SECONDS):
                await self.driver.rollback()
        except (psycopg.Error, TimeoutError):
            if self.pooled.is_valid:
                await greenlet_spawn(self.pooled.invalidate)
        finally:
            await self._give_back(self.pooled)


class Database:
    """One pool of connections of one role."""

    def __init__(
        self, url: str, *, application: str, size: int = POOL_SIZE, overflow: int = POOL_OVERFLOW
    ) -> None:
        self._open_connections = 0
        self._places = asyncio.Semaphore(size + overflow)
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            pool_size=size,
            max_overflow=overflow,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # every transaction is ended where it was begun; a second rollback costs a wait
            connect_args={
                "application_name": application,
                "connect_timeout": CONNECT_SECONDS,
                "options": OPTIONS,
            },
        )
        event.listen(self.engine.sync_engine, "before_cursor_execute", _count_statement)
        event.listen(self.engine.sync_engine, "handle_error", _keep_siblings)
        event.listen(self.engine.sync_engine, "checkout", _refuse_dead)
        event.listen(self.engine.sync_engine, "connect", self._count_connections(1))
        event.listen(self.engine.sync_engine, "close", self._count_connections(-1))

    def session(self, org_id: UUID | None, *, read_only: bool = False) -> AsyncSession:
        """A session bound to an organisation; with None it sees only what its role may see of every tenant."""
        return AsyncSession(
            self.engine,
            sync_session_class=TenantSession,
            info={"begin": _begin_statement(org_id, read_only=read_only)},
            expire_on_commit=False,
            autoflush=False,
        )

    def borrowing(self, borrow: Callable[[], Awaitable[Opened]]) -> AsyncSession:
        """A session on the transaction that `borrow` gives, taken with its first statement."""
        return AsyncSession(
            sync_session_class=BorrowingSession,
            info={"borrow": borrow, "engine": self.engine.sync_engine},
            expire_on_commit=False,
            autoflush=False,
        )

    async def begin(self, org_id: UUID | None, *, read_only: bool = False) -> Opened:
        """A transaction on the driver's own connection, bound to an organisation; the same pool as the sessions."""
        await self._queue()
        try:
            opened = Opened(await self._take(), self._give_back)
        except BaseException:
            self._places.release()
            raise
        try:
            await opened.driver.execute(_begin_statement(org_id, read_only=read_only))
        except BaseException:
            await opened.close()
            raise
        return opened

    async def _queue(self) -> None:
        """Wait for a place, first come first served: the pool itself lets whoever comes just in time overtake."""
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(POOL_WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise PoolTimeout("every connection is busy") from None

    async def _take(self) -> PoolProxiedConnection:
        """A connection of the pool; an idle one at once, only for a new or a contended one a greenlet has to wait."""
        pool = cast("QueuePool", self.engine.sync_engine.pool)
        # A place whose connection was thrown away is idle too, but would have to connect.
        while 0 < pool.checkedin() <= self._open_connections - pool.checkedout():
            pooled = pool.connect()
            if _is_alive(cast("Driver", pooled.driver_connection)):
                return pooled
            await greenlet_spawn(pooled.invalidate)
            await greenlet_spawn(pooled.close)
        return await greenlet_spawn(pool.connect)

    def _count_connections(self, change: int) -> Callable[..., None]:
        def count(*_: Any) -> None:
            self._open_connections += change

        return count

    async def _give_back(self, pooled: PoolProxiedConnection) -> None:
        pool = cast("QueuePool", self.engine.sync_engine.pool)
        try:
            if pool.checkedin() < pool.size():
                pooled.close()
            else:  # one too many: the pool closes it, and that waits
                await uninterrupted(greenlet_spawn(pooled.close))
        finally:
            self._places.release()

    async def ping(self) -> None:
        """Raise when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
