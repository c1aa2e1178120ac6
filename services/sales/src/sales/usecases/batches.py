"""Many commands in one request: each by itself, or all of them or none (spec/wire.md 2)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.errors import HTTP_STATUS, AppError, Conflict, Constraints, Kind, translate
from chassis.etag import Versions
from chassis.tx import Tx
from sales.domain.rows import Values

DONE, CREATED, NOT_DONE = 200, 201, 424
"""What a result says: as the single door answers, and of what failed because of another operation (RFC 4918, 11.4)."""


class BatchFailed(Conflict):
    """One operation of an atomic batch failed, so none has happened; details hold the results."""

    reason = "BATCH_FAILED"


@dataclass(frozen=True, slots=True)
class Commands:
    """What can be done with one kind of rows, as single commands do it."""

    create: Callable[[Tx, Values], Awaitable[Any]]
    change: Callable[[Tx, UUID, Values], Awaitable[Any]]
    archive: Callable[[Tx, UUID], Awaitable[Any]]
    restore: Callable[[Tx, UUID], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One command, whose fields have been checked; or why it cannot be one."""

    op: str
    id: UUID | None = None
    if_match: Versions | None = None
    values: Values | None = None
    refusal: AppError | None = None

    @property
    def owner_user_id(self) -> UUID | None:
        """Who is to own the row, where the command says so."""
        return (self.values or {}).get("owner_user_id")


async def run_batch(
    tx: Tx, commands: Commands, operations: Sequence[Operation], constraints: Constraints, *, is_atomic: bool
) -> list[dict[str, Any]]:
    """What became of each operation, in their order; BatchFailed when it is atomic and one has failed."""
    results = [
        {"index": index, **await _attempt(tx, commands, operation, constraints)}
        for index, operation in enumerate(operations)
    ]
    if is_atomic and any("error" in result for result in results):
        raise BatchFailed("Nothing has happened: an operation failed.", results=_undone(results))
    return results


async def _attempt(
    tx: Tx, commands: Commands, operation: Operation, constraints: Constraints
) -> dict[str, Any]:
    try:
        if operation.refusal is not None:
            raise operation.refusal  # noqa: TRY301 - refused as if the command had been tried
        async with tx.attempt(if_match=operation.if_match):
            row = await _run(tx, commands, operation)
    except Exception as failure:
        refused = translate(failure, constraints)
        if refused is None or refused.kind is Kind.UNAVAILABLE:
            raise
        return _refused(operation, refused)
    return {"status": CREATED if operation.op == "create" else DONE, "id": str(row.id)}


async def _run(tx: Tx, commands: Commands, operation: Operation) -> Any:
    if operation.id is None:
        return await commands.create(tx, operation.values or {})
    if operation.op == "update":
        return await commands.change(tx, operation.id, operation.values or {})
    put = commands.archive if operation.op == "archive" else commands.restore
    return await put(tx, operation.id)


def _refused(operation: Operation, refused: AppError) -> dict[str, Any]:
    error: dict[str, Any] = {"code": refused.reason, "message": refused.message}
    if refused.details is not None:
        error["details"] = refused.details
    named = {"id": str(operation.id)} if operation.id else {}
    return {"status": HTTP_STATUS[refused.kind].value, **named, "error": error}


def _undone(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The results of an atomic batch that failed: what would have succeeded depended on what did not."""
    return [
        dict(result) if "error" in result else {"index": result["index"], "status": NOT_DONE}
        for result in results
    ]
