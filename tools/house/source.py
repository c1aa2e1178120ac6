"""One file of the repository as the rules see it: its text, its syntax tree, its service and its layer."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

LAYERS = frozenset({"main", "http", "rpc", "consumed", "usecases", "store", "published", "domain"})
BELOW_THE_EDGE = frozenset({"usecases", "store", "published", "domain"})
ALLOWED = re.compile(r"#\s*house: allow (?P<rule>[a-z-]+), (?P<reason>\S.*)")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A broken rule and where; printed the way editors jump to."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Source:
    """A file by its path relative to the repository, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of a Python file."""
        return ast.parse(self.text, filename=self.path)

    @cached_property
    def lines(self) -> list[str]:
        """The lines; index 0 is line 1."""
        return self.text.splitlines()

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree, so that each rule does not walk it again."""
        return list(ast.walk(self.tree))

    @property
    def is_python(self) -> bool:
        """Whether the rules about code apply."""
        return self.path.endswith(".py")

    @property
    def is_test(self) -> bool:
        """Whether the file belongs to tests."""
        return "tests" in PurePosixPath(self.path).parts

    @property
    def is_shipped(self) -> bool:
        """Whether the file is in a package that runs in production."""
        return "src" in PurePosixPath(self.path).parts and not self.is_test

    @property
    def is_generated(self) -> bool:
        """Whether a program wrote the file, so that only what it says matters."""
        return self.path.startswith("libs/contracts/src/") or "/migrations/" in self.path

    @property
    def layer(self) -> str | None:
        """The layer of a service's module: services/<context>/src/<context>/<layer>[.py|/…]."""
        parts = PurePosixPath(self.path).parts
        if len(parts) < 5 or parts[0] != "services" or parts[2] != "src":
            return None
        name = parts[4].removesuffix(".py")
        return name if name in LAYERS else None

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        return (node for node in self.nodes if isinstance(node, Function))

    def comment_of(self, node: ast.AST) -> str:
        """The lines of a statement and the line before it: where a reason for an exception may stand."""
        first: int = getattr(node, "lineno", 1)
        last: int = getattr(node, "end_lineno", first)
        return "\n".join(self.lines[max(first - 2, 0) : last])

    def finding(self, rule: str, node: ast.AST | int, message: str) -> Finding:
        """A finding of this file at a node or a line."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Finding(self.path, line, rule, message)

    def is_allowed(self, finding: Finding) -> bool:
        """Whether the line, or the one above, carries `# house: allow <rule>, <reason>`."""
        around = "\n".join(self.lines[max(finding.line - 2, 0) : finding.line])
        return any(match["rule"] == finding.rule for match in ALLOWED.finditer(around))


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a chain of attributes; calls and subscripts in between are left out."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""
