"""Rules about names and sizes (style §11 and §12), and about the line that says what a module is for."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.house.source import Finding, Function, Source

VAGUE_NOUNS = (
    "base",
    "common",
    "data",
    "helper",
    "helpers",
    "impl",
    "info",
    "manager",
    "managers",
    "misc",
    "util",
    "utils",
)
BANNED = frozenset({*VAGUE_NOUNS, "handle", "process"})
# Words of the field, of the settings everybody knows or of a role: not the vague nouns that the rule is about.
TERMS = re.compile(
    r"(?<![a-z])(?:base(?:32|64|_url)|data_dir(?:ectory)?|exc_info|sales_manager|process_id)(?![a-z])"
)
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
FILE_LINES, FUNCTION_LINES, PARAMETERS = (300, 500), (40, 60), (5, 8)


def name(source: Source) -> Iterator[Finding]:
    """Modules, classes, functions, parameters and constants are called what they are."""
    module = PurePosixPath(source.path).stem
    if bad := vague(module):
        yield source.finding(
            "name", 1, f"module {module}: `{bad}` says nothing, name what it holds (style §11)"
        )
    if not source.is_shipped:
        return
    for node in source.nodes:
        called = _declared(node)
        if called is None or not (bad := vague(called)):
            continue
        if bad == "handle" and isinstance(node, Function) and source.layer == "consumed":
            continue  # handlers of facts are the one thing that handles
        if bad == "process" and not isinstance(node, Function | ast.ClassDef):
            continue  # as a noun it is a process of the operating system
        yield source.finding(
            "name", node, f"{called}: `{bad}` says nothing, say what it is or does (style §11)"
        )


def vague(called: str) -> str | None:
    """The banned word in a name, or None."""
    words = TERMS.sub("", HUMP.sub("_", called).lower()).split("_")
    return next((word for word in words if word in BANNED), None)


def _declared(node: ast.AST) -> str | None:
    if isinstance(node, ast.ClassDef | Function):
        return node.name
    if isinstance(node, ast.arg):
        return node.arg
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else None


def purpose(source: Source) -> Iterator[Finding]:
    """Every module has one line that says what it is for."""
    if source.text.strip() and not (ast.get_docstring(source.tree) or "").strip():
        yield source.finding("purpose", 1, "the module does not say in one line what it is for")


def sizes(source: Source) -> Iterator[Finding]:
    """Files, functions and parameter lists that have grown past what one reads at once."""
    yield from _sizes(source, limit=1, rule="size")


def warnings(source: Source) -> Iterator[Finding]:
    """The same at the level where it is time to cut by sub-noun."""
    failing = {(finding.line, finding.message) for finding in sizes(source)}
    for finding in _sizes(source, limit=0, rule="size-warning"):
        if (finding.line, finding.message) not in failing:
            yield finding


def _sizes(source: Source, *, limit: int, rule: str) -> Iterator[Finding]:
    if len(source.lines) > FILE_LINES[limit]:
        yield source.finding(rule, 1, f"{len(source.lines)} lines: cut by sub-noun (style §12)")
    for function in source.functions():
        length = lines_of(function)
        if length > FUNCTION_LINES[limit]:
            yield source.finding(rule, function, f"{function.name} has {length} lines")
        parameters = count_parameters(function)
        if parameters > PARAMETERS[limit] and not source.is_test:
            yield source.finding(rule, function, f"{function.name} has {parameters} parameters")


def lines_of(function: Function) -> int:
    """Lines from `def` to the end, without decorators and docstring."""
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def count_parameters(function: Function) -> int:
    """Parameters without self and cls."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return sum(argument.arg not in {"self", "cls"} for argument in named)


RULES = (name, purpose, sizes)
