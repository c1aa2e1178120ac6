"""Jobs: what a service does by the clock or later, and how one is deferred inside a transaction (architecture.md 5).

Nothing here imports procrastinate before it is needed; what runs the jobs is `chassis.worker`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

from chassis.errors import AppError, Kind, NotFound, translate
from chassis.runtime import Runtime
from chassis.tx import Tx

if TYPE_CHECKING:
    from procrastinate.manager import JobManager

Scope = Literal["organisation", "service"]
Profile = Literal["default", "test"]
Organisations = Callable[[Runtime], Awaitable[Iterable[UUID]]]
Work = Callable[..., Awaitable[None]]
WorkT = TypeVar("WorkT", bound=Work)

RETRY_SECONDS = (10.0, 60.0, 300.0)
TEST_RETRY_SECONDS = (1.0, 2.0, 4.0)
MAX_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work by the clock: `run(runtime, org_id, slot)` for each organisation, or `run(runtime, slot)` once a service.

    It runs at least once for each slot (the instant it was due), so its effect must be the same when it runs twice.
    Work of one organisation that has the same `lock` runs one after another.
    """

    name: str
    cron: str
    test_cron: str
    description: str
    scope: Scope
    run: Work
    retry_seconds: Sequence[float]
    lock: str | None

    def schedule(self, profile: Profile) -> str:
        """The cron expression of a profile, in UTC; with six fields the first is seconds."""
        return self.test_cron if profile == "test" else self.cron


@dataclass(frozen=True, slots=True)
class Task:
    """Work that a transaction has deferred: `run(runtime, org_id, **arguments)`, at least once.

    Work of one organisation that has the same `lock` runs one after another.
    """

    name: str
    run: Work
    retry_seconds: Sequence[float]
    test_retry_seconds: Sequence[float]
    lock: str | None


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of one service; `organisations` lists whom its organisation-scoped jobs run for."""

    context: str
    organisations: Organisations | None = None
    periodics: dict[str, Periodic] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)

    def periodic(
        self,
        name: str,
        *,
        cron: str,
        test_cron: str,
        description: str,
        scope: Scope = "organisation",
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        lock: str | None = None,
    ) -> Callable[[WorkT], WorkT]:
        """Decorator: run the function by the clock; `test_cron` applies in the test profile."""
        self._check(name)
        if scope == "organisation" and self.organisations is None:
            raise ValueError(f"{name}: nobody lists the organisations of {self.context}")

        def register(work: WorkT) -> WorkT:
            self.periodics[name] = Periodic(
                name, cron, test_cron, description, scope, work, retry_seconds, lock
            )
            return work

        return register

    def task(
        self,
        name: str,
        *,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        test_retry_seconds: Sequence[float] = TEST_RETRY_SECONDS,
        lock: str | None = None,
    ) -> Callable[[WorkT], WorkT]:
        """Decorator: the function can be deferred under this name."""
        self._check(name)

        def register(work: WorkT) -> WorkT:
            self.tasks[name] = Task(name, work, retry_seconds, test_retry_seconds, lock)
            return work

        return register

    async def defer(self, tx: Tx, name: str, *, run_at: datetime | None = None, **arguments: Any) -> None:
        """Let a task run for the transaction's organisation, if and only if the transaction commits.

        The arguments are JSON values; `run_at` is the earliest instant.
        """
        if name not in self.tasks:
            raise KeyError(f"{self.context} has no task {name}")
        await enqueue(tx, name, arguments, run_at=run_at, lock=self.tasks[name].lock)

    def find(self, full_name: str) -> Periodic:
        """The organisation-scoped job behind `<context>.<name>`; NotFound when there is none."""
        context, _, name = full_name.partition(".")
        job = self.periodics.get(name)
        if context != self.context or job is None or job.scope != "organisation":
            raise NotFound("There is no such job.")
        return job

    def copy(self) -> Jobs:
        """The same jobs, to which others can be added."""
        return replace(self, periodics=dict(self.periodics), tasks=dict(self.tasks))

    def _check(self, name: str) -> None:
        if name in self.periodics or name in self.tasks or not 0 < len(name) <= MAX_NAME_LENGTH:
            raise ValueError(f"{name}: taken, or no name")


def run_task_name(job: str) -> str:
    """The queue's name for one organisation's run of a periodic job."""
    return f"{job}/organisation"


async def enqueue(
    tx: Tx, task: str, arguments: dict[str, Any], *, run_at: datetime | None = None, lock: str | None = None
) -> None:
    """Put a call into the queue on the transaction's own connection."""
    from procrastinate.exceptions import ConnectorException  # noqa: PLC0415 - heavy, and only where jobs are deferred
    from procrastinate.tasks import configure_task  # noqa: PLC0415 - as above

    pooled = await (await tx.session.connection()).get_raw_connection()
    tx.work.statements += 1
    deferrer = configure_task(
        name=task,
        job_manager=_job_queue(),
        queue=task,
        lock=lock and f"{lock}/{tx.actor.org_id}",
        schedule_at=run_at,
        task_kwargs={"org_id": str(tx.actor.org_id), **arguments},
        connection=pooled.driver_connection,
    )
    try:
        await deferrer.defer_async()
    except ConnectorException as error:
        # What the driver says is what the edge can translate.
        raise (error.__cause__ or error) from None


@cache
def _job_queue() -> JobManager:
    from procrastinate import PsycopgConnector  # noqa: PLC0415 - heavy, and only where jobs are deferred
    from procrastinate.manager import JobManager  # noqa: PLC0415 - as above

    return JobManager(PsycopgConnector())


def retry_delay(error: BaseException, attempts: int, delays: Sequence[float]) -> timedelta | None:
    """How long to wait before the next attempt; None when there is none.

    An expected refusal is final, a part that is away is waited for as long as it takes.
    """
    if not isinstance(error, Exception):
        return timedelta(0)  # cancelled by a shutdown: whoever starts next goes on at once
    refused = translate(error, {})
    if refused is not None and refused.kind is not Kind.UNAVAILABLE:
        return None
    if refused is None and attempts >= len(delays):
        return None
    return timedelta(seconds=delays[min(attempts, len(delays) - 1)] if delays else 0)


def reason_of(error: BaseException) -> str:
    """Why a job failed, for people of the organisation: what a refusal says, or only the kind of a bug."""
    return f"{error.reason}: {error.message}" if isinstance(error, AppError) else type(error).__name__
