"""What is being done right now: one small object per request, fact or job, read by logs, facts and metrics."""

from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID, uuid4


@dataclass(slots=True)
class Work:
    """The origin of what happens, and a count of its SQL statements."""

    request_id: str
    ip: str | None = None
    user_agent: str | None = None
    traceparent: str | None = None
    org_id: UUID | None = None
    actor_id: UUID | None = None
    statements: int = 0


_current: ContextVar[Work | None] = ContextVar("execos_work", default=None)


def current_work() -> Work | None:
    """The work this task is doing, if any."""
    return _current.get()


def begin_work(work: Work) -> Work:
    """Make `work` the current one of this task."""
    _current.set(work)
    return work


def new_request_id() -> str:
    """A request id (UUID version 4, as the gateway makes them)."""
    return str(uuid4())
