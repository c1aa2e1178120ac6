"""Rule: every query in `store` names its tenant, or says in a comment why it has none."""

import ast
import re
from collections.abc import Iterator

from tools.house.source import Finding, Source, dotted

QUERIES = frozenset({"select", "update", "delete", "delete_some", "exists"})
REASON = re.compile(r"#\s*tenantless:\s*\S+")
SQL = re.compile(r"\b(select|update|delete)\b", re.IGNORECASE)
RULE = "tenant"


def tenant(source: Source) -> Iterator[Finding]:
    """Selects, updates, deletes, SQL texts and `session.get` of a store without `org_id`."""
    if source.layer != "store":
        return
    parents = {child: node for node in source.nodes for child in ast.iter_child_nodes(node)}
    for node in source.nodes:
        if not isinstance(node, ast.Call) or REASON.search(source.comment_of(_statement(node, parents))):
            continue
        if _is_get(node):
            yield source.finding(
                RULE, node, "`session.get` by id alone reads every tenant's rows: select with org_id"
            )
        elif _is_tenantless_text(node):
            yield source.finding(
                RULE, node, "this SQL does not name org_id (`# tenantless: <reason>` if it must not)"
            )
        elif _is_query(node) and not _names_tenant(node, parents):
            message = f"{dotted(node.func)}(…) does not name org_id (`# tenantless: <reason>` if it must not)"
            yield source.finding(RULE, node, message)


def _statement(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST:
    while not isinstance(node, ast.stmt):
        node = parents[node]
    return node


def _is_query(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args:
        return False
    name = dotted(node.func)
    return name in QUERIES or (name.split(".")[0] in {"sa", "sqlalchemy"} and name.split(".")[-1] in QUERIES)


def _is_get(call: ast.Call) -> bool:
    owner, _, name = dotted(call.func).rpartition(".")
    return name in {"get", "get_one"} and owner.split(".")[-1] == "session"


def _is_tenantless_text(call: ast.Call) -> bool:
    if dotted(call.func) not in {"text", "sa.text", "sqlalchemy.text"} or not call.args:
        return False
    words = " ".join(str(part.value) for part in ast.walk(call.args[0]) if isinstance(part, ast.Constant))
    return bool(SQL.search(words)) and "org_id" not in words


def _names_tenant(query: ast.Call, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether the chain that begins with this call names org_id itself; a query inside it answers for itself.

    A select over a query that was built before (`select(func.count()).select_from(found.subquery())`) reads no table.
    """
    own = list(_own_nodes(_chain(query, parents)))
    if any(_word(node) == "org_id" for node in own):
        return True
    tables = {node.id for node in own if isinstance(node, ast.Name) and node.id[:1].isupper()}
    columns = {dotted(node.value) for node in own if isinstance(node, ast.Attribute) and node.attr == "c"}
    return not tables and not (columns - _locals(query, parents)) and not _reads_name(query, parents)


def _chain(query: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST:
    """The whole of `select(…).where(…).order_by(…)` around its first call."""
    node = query
    while True:
        parent = parents[node]
        if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is node):
            node = parent
        else:
            return node


def _own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a chain without those of other queries among its arguments."""
    queue, spine = [root], set(_spine(root))
    while queue:
        node = queue.pop()
        yield node
        queue += [
            child for child in ast.iter_child_nodes(node) if child in spine or not _begins_with_query(child)
        ]


def _spine(node: ast.AST) -> Iterator[ast.AST]:
    while isinstance(node, ast.Attribute | ast.Call):
        yield node
        node = node.func if isinstance(node, ast.Call) else node.value


def _begins_with_query(node: ast.AST) -> bool:
    return any(_is_query(part) for part in _spine(node))


def _word(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    return node.arg if isinstance(node, ast.keyword) else None


def _function(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST:
    while node in parents and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        node = parents[node]
    return node


def _locals(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> set[str]:
    """Names that the enclosing function assigns itself: queries built before, not tables."""
    function = _function(node, parents)
    stored = {
        part.id
        for part in ast.walk(function)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }
    return stored | {part.arg for part in ast.walk(function) if isinstance(part, ast.arg)}


def _reads_name(query: ast.Call, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether update, delete or select is given a table by a lower-case name (`update(counters)`)."""
    names = {argument.id for argument in query.args if isinstance(argument, ast.Name)}
    return bool(names - _locals(query, parents))
