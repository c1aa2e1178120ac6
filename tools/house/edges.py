"""Rules about who may do what: clocks and commits at the edge, doors that only parse, call and answer."""

import ast
from collections.abc import Iterator

from tools.house.source import BELOW_THE_EDGE, Finding, Source, dotted

CLOCKS = frozenset({
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "time.monotonic",
    "time.perf_counter",
    "time.time",
    "time.time_ns",
})  # fmt: skip
DOOR_STATEMENTS = 10
NOT_USED = {
    "HTTPException": (
        "http-exception",
        "raise an AppError with a reason; the edge knows the codes (style §8)",
    ),
    "BaseHTTPMiddleware": ("middleware", "pure ASGI middleware only (design/pitfalls.md)"),
    "BackgroundTasks": ("background-tasks", "lost at a kill; publish a fact or enqueue a job"),
    "BackgroundTask": ("background-tasks", "lost at a kill; publish a fact or enqueue a job"),
}


def clock(source: Source) -> Iterator[Finding]:
    """Time is handed in: below the edge `tx.now` or a parameter, never the clock."""
    if source.layer not in BELOW_THE_EDGE:
        return
    bare = {alias.asname or alias.name for node in source.nodes if isinstance(node, ast.ImportFrom)
            if node.module == "time" for alias in node.names if f"time.{alias.name}" in CLOCKS}  # fmt: skip
    for node in source.nodes:
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if ".".join(name.split(".")[-2:]) in CLOCKS or name in bare:
                yield source.finding("clock", node, f"`{name}()` below the edge: time is handed in (tx.now)")


def commit(source: Source) -> Iterator[Finding]:
    """One use case, one transaction, committed at the edge."""
    if source.layer not in BELOW_THE_EDGE:
        return
    for node in source.nodes:
        called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        if called in {"commit", "rollback"}:
            yield source.finding(
                "commit", node, f"`{called}()` below the edge: nobody below the edge commits"
            )


def new_row(source: Source) -> Iterator[Finding]:
    """A new row of a command is `tx.add`: the session costs several times what the row costs (decision 21)."""
    if source.layer not in BELOW_THE_EDGE:
        return
    for node in source.nodes:
        name = dotted(node.func) if isinstance(node, ast.Call) else ""
        if name.endswith(("session.add", "session.add_all")):
            yield source.finding("new-row", node, f"`{name}()`: a new row is `tx.add(row)`")


def not_used(source: Source) -> Iterator[Finding]:
    """Names of the web framework that this house does without; the chassis alone translates the framework's errors."""
    imports = (node for node in source.nodes if isinstance(node, ast.ImportFrom))
    for node in imports:
        if (node.module or "").split(".")[0] not in {"fastapi", "starlette"}:
            continue
        for alias in node.names:
            rule, reason = NOT_USED.get(alias.name, ("", ""))
            if rule and not (alias.name == "HTTPException" and source.path.startswith("libs/chassis/")):
                yield source.finding(rule, node, f"{alias.name}: {reason}")


def door(source: Source) -> Iterator[Finding]:
    """A door parses, calls and answers; it holds no decision."""
    if source.layer not in {"http", "rpc"}:
        return
    for function in source.functions():
        statements = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
        statements -= ast.get_docstring(function) is not None
        if statements > DOOR_STATEMENTS:
            message = f"{function.name} has {statements} statements, a door may have {DOOR_STATEMENTS}"
            yield source.finding("door", function, message)


RULES = (clock, commit, new_row, not_used, door)
