"""One error model for every wire: a kind decides the status, a reason names the case."""

from enum import StrEnum
from http import HTTPStatus
from typing import Any, ClassVar

import grpc
import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.metrics import rls_denials


class Kind(StrEnum):
    """What went wrong, in the ways a caller can react to."""

    INVALID = "INVALID"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    DENIED = "DENIED"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    STALE = "STALE"
    UNSUPPORTED = "UNSUPPORTED"
    UNPROCESSABLE = "UNPROCESSABLE"
    TOO_LARGE = "TOO_LARGE"
    LIMITED = "LIMITED"
    UNAVAILABLE = "UNAVAILABLE"


HTTP_STATUS = {
    Kind.INVALID: HTTPStatus.BAD_REQUEST,
    Kind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Kind.DENIED: HTTPStatus.FORBIDDEN,
    Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.STALE: HTTPStatus.PRECONDITION_FAILED,
    Kind.UNSUPPORTED: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Kind.UNPROCESSABLE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}

GRPC_STATUS = {
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.STALE: grpc.StatusCode.ABORTED,
    Kind.UNSUPPORTED: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNPROCESSABLE: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}


class AppError(Exception):
    """A refusal with a name; `details` are machine-readable facts, never secrets or SQL."""

    kind: ClassVar[Kind]
    reason: ClassVar[str]
    retry_after_seconds: int | None = None

    def __init__(self, message: str, /, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: Any = details or None


class Invalid(AppError):
    """Fields that do not validate; details are `[{field, issues: []}]`."""

    kind = Kind.INVALID
    reason = "VALIDATION_ERROR"

    def __init__(
        self, message: str = "Invalid request.", /, *, fields: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.details = fields

    @classmethod
    def field(cls, name: str, issue: str) -> "Invalid":
        """One bad field, named as the client wrote it."""
        return cls(fields=[{"field": name, "issues": [issue]}])


class BadRequest(AppError):
    """A well-formed request that refers to something that is not here."""

    kind = Kind.INVALID
    reason = "BAD_REQUEST"


class UnsupportedMediaType(AppError):
    """A body of another type than JSON."""

    kind = Kind.UNSUPPORTED
    reason = "UNSUPPORTED_MEDIA_TYPE"


class TooLarge(AppError):
    """More than this door takes at once."""

    kind = Kind.TOO_LARGE
    reason = "PAYLOAD_TOO_LARGE"


class Unauthenticated(AppError):
    """No valid token, session or credential."""

    kind = Kind.UNAUTHENTICATED
    reason = "UNAUTHORIZED"


class Denied(AppError):
    """Known, but not allowed."""

    kind = Kind.DENIED
    reason = "FORBIDDEN"


class NotFound(AppError):
    """No such row in this organisation."""

    kind = Kind.NOT_FOUND
    reason = "NOT_FOUND"


class Conflict(AppError):
    """The present state does not allow it."""

    kind = Kind.CONFLICT
    reason = "CONFLICT"


class StaleVersion(AppError):
    """If-Match names another version than the stored one."""

    kind = Kind.STALE
    reason = "STALE_VERSION"


class Limited(AppError):
    """Too many; try again after `retry_after_seconds`."""

    kind = Kind.LIMITED
    reason = "TOO_MANY_REQUESTS"
    retry_after_seconds = 1


class Unavailable(AppError):
    """Our own database cannot answer now."""

    kind = Kind.UNAVAILABLE
    reason = "SERVICE_UNAVAILABLE"
    retry_after_seconds = 1


class DependencyUnavailable(AppError):
    """A peer that must answer did not, within its deadline."""

    kind = Kind.UNAVAILABLE
    reason = "DEPENDENCY_UNAVAILABLE"
    retry_after_seconds = 1


RLS = "row-level security"
BUSY = (pg.QueryCanceled, pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)


class RequestInFlight(Conflict):
    """The same idempotency key is being worked on right now."""

    reason = "REQUEST_IN_FLIGHT"
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is being worked on; try again.")


Constraints = dict[str, AppError]
"""The refusal that a violated constraint means, by constraint name."""

OWN_CONSTRAINTS: Constraints = {"pk_idempotency": RequestInFlight()}


def translate(error: Exception, constraints: Constraints) -> AppError | None:
    """The refusal behind a database failure, or None when it is a bug."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, PoolTimeout):
        return Unavailable("All database connections are busy; try again.")
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.Error):
        return None
    if isinstance(cause, pg.InsufficientPrivilege) and RLS in str(cause):
        rls_denials.inc()  # a bug of ours, held by the second net
        return None
    if isinstance(cause, pg.IntegrityError):
        return constraints.get(name := cause.diag.constraint_name or "") or OWN_CONSTRAINTS.get(name)
    if isinstance(cause, BUSY):
        return Unavailable("The database is busy; try again.")
    if isinstance(cause, psycopg.DataError):
        return Invalid("The request holds a value that cannot be stored.")
    if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable("The database does not answer; try again.")
    return None
