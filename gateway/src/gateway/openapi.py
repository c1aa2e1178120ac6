"""Joins the services' OpenAPI documents into the one that the gateway serves."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.routes import (
    API,
    CONTEXTS,
    DOCS_PATH,
    HEALTH_PATHS,
    OPENAPI_PATH,
    READY_PATHS,
    PublicOperation,
    find_public,
    owner_of,
)

Document = dict[str, Any]

_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_SCHEME: Final = "bearerAuth"
_KEY_SCHEME: Final = "apiKeyAuth"
_REFERENCE: Final = "#/components/schemas/"
#: Shapes that must be the same everywhere: there is one error envelope.
_ONE_FOR_ALL: Final = frozenset({"Error"})
_ABOUT: Final = {
    "title": "Execos",
    "version": "1",
    "description": "The execution OS for small and mid-size organisations: one API in front of six services.",
}


class DocumentConflictError(Exception):
    """The services' documents contradict each other or the route table; the message has a line for each case."""


def read_documents(services: Path) -> dict[str, Document]:
    """The committed documents of the services that have one, by context."""
    paths = {context: services / context / "openapi.json" for context in CONTEXTS}
    return {context: json.loads(path.read_text()) for context, path in paths.items() if path.exists()}


def merge(documents: Mapping[str, Document]) -> Document:
    """One OpenAPI 3.1 document, the same for the same input; raises DocumentConflictError."""
    union = _Union()
    for context, document in sorted(_with_own_names(documents).items()):
        union.add(context, document)
    problems = [*union.problems, *_ambiguous_operation_ids(union.paths)]
    if problems:
        raise DocumentConflictError("\n".join(problems))
    return {
        "openapi": "3.1.0",
        "info": _ABOUT,
        "servers": [{"url": "/", "description": "This gateway"}],
        "security": [{_SCHEME: []}],
        "tags": _sorted_values(union.tags),
        "paths": dict(sorted(union.paths.items())),
        "components": {
            kind: dict(sorted(entries.items())) for kind, entries in sorted(union.components.items())
        },
    }


def to_text(document: Document) -> str:
    """The document as it is committed and served."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _with_own_names(documents: Mapping[str, Document]) -> dict[str, Document]:
    """The documents with `<context>.<name>` for each schema that several services shape differently."""
    contested = _contested(documents)
    return {context: _renamed(context, document, contested) for context, document in documents.items()}


def _contested(documents: Mapping[str, Document]) -> set[str]:
    """The names that several services use for different schemas, or for one that refers to such a schema."""
    shapes: dict[str, list[str]] = {}
    for document in documents.values():
        for name, schema in _schemas(document).items():
            shapes.setdefault(name, []).append(json.dumps(schema, sort_keys=True))
    shared = {name: texts for name, texts in shapes.items() if len(texts) > 1 and name not in _ONE_FOR_ALL}
    found = {name for name, texts in shared.items() if len(set(texts)) > 1}
    while more := {
        name
        for name, texts in shared.items()
        if name not in found and any(f'"{_REFERENCE}{each}"' in texts[0] for each in found)
    }:
        found |= more
    return found


def _renamed(context: str, document: Document, contested: set[str]) -> Document:
    """The document with its own names for what is contested, in its schemas and in every reference to them."""
    own = {name: f"{context}.{name}" for name in contested & set(_schemas(document))}
    text = json.dumps(document)
    for name, new in own.items():
        text = text.replace(f'"{_REFERENCE}{name}"', f'"{_REFERENCE}{new}"')
    renamed: Document = json.loads(text)
    if own:
        schemas = _schemas(renamed)
        renamed["components"]["schemas"] = {own.get(name, name): schema for name, schema in schemas.items()}
    return renamed


def _schemas(document: Document) -> Document:
    schemas: Document = document.get("components", {}).get("schemas", {})
    return schemas


class _Union:
    """The parts of several documents side by side, and what does not fit together."""

    def __init__(self) -> None:
        self.paths: Document = _own_paths()
        self.tags: Document = {
            "gateway": {"name": "gateway", "description": "Answered by the gateway itself."}
        }
        self.components: Document = {
            "securitySchemes": {
                _SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                _KEY_SCHEME: {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            }
        }
        self.problems: list[str] = []

    def add(self, context: str, document: Document) -> None:
        """Takes in the public face of a service; its internal paths are left out."""
        for path, item in document.get("paths", {}).items():
            owner = owner_of(path)
            if owner == context:
                self._put(self.paths, path, self._with_security(path, item), f"path {path}")
            elif owner is not None or path.startswith(f"{API}/"):
                self.problems.append(
                    f"{context} documents {path}, which the gateway sends to {owner or 'nobody'}"
                )
        for kind, entries in document.get("components", {}).items():
            for name, entry in entries.items():
                target = self.components.setdefault(kind, {})
                self._put(target, name, entry, f"component {kind}/{name} of {context}")
        for tag in document.get("tags", []):
            self._put(self.tags, tag["name"], tag, f"tag {tag['name']} of {context}")

    def _put(self, target: Document, name: str, entry: Any, what: str) -> None:
        if target.setdefault(name, entry) != entry:
            self.problems.append(f"{what} differs from another service's")

    def _with_security(self, path: str, item: Document) -> Document:
        """The operations, those without a token marked so; both sides must agree which they are."""
        marked = dict(item)
        for method in sorted(_METHODS & set(item)):
            public = find_public(method.upper(), path)
            if bool(item[method].get("x-public")) != bool(public):
                says = "wants a token for" if public else "wants no token for"
                self.problems.append(f"the service {says} {method.upper()} {path}, the gateway disagrees")
            marked[method] = {**item[method], "security": _security(item[method], public)}
        return marked


def _security(operation: Document, public: PublicOperation | None) -> list[Document]:
    """What an operation takes: nothing, a token, or a key too where a permission decides and not who somebody is."""
    if public is not None:
        return [{}, {_SCHEME: []}] if public.takes_token else []
    is_for_keys = operation.get("x-permission", "signed-in") not in {"signed-in", "platform"}
    return [{_SCHEME: []}, *([{_KEY_SCHEME: []}] if is_for_keys else [])]


def _ambiguous_operation_ids(paths: Document) -> Iterator[str]:
    seen: dict[str, str] = {}
    for path, item in paths.items():
        for method in sorted(_METHODS & set(item)):
            operation = f"{method.upper()} {path}"
            operation_id = item[method].get("operationId")
            if not operation_id:
                yield f"{operation} has no operationId"
            elif operation_id in seen:
                yield f"{seen[operation_id]} and {operation} are both {operation_id}"
            else:
                seen[operation_id] = operation


def _sorted_values(entries: Document) -> list[Any]:
    return [entries[name] for name in sorted(entries)]


def _own_paths() -> Document:
    """What the gateway answers itself, with each alias."""
    alive = _operation("Whether the gateway lives", {"200": _json("It does", _HEALTH)})
    ready = _operation(
        "How the services are",
        {"200": _json("Healthy or degraded", _READINESS), "503": _json("A core service is down", _READINESS)},
    )
    document = _operation(
        "This document", {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {}}}}
    )
    page = _operation(
        "The reference page", {"200": {"description": "For people", "content": {"text/html": {}}}}
    )
    named = [(path, "health", alive) for path in HEALTH_PATHS]
    named += [(path, "ready", ready) for path in READY_PATHS]
    named += [(OPENAPI_PATH, "openapi", document), (DOCS_PATH, "docs", page)]
    paths: Document = {}
    counts: dict[str, int] = {}
    for path, name, operation in named:
        counts[name] = counts.get(name, 0) + 1
        suffix = "" if counts[name] == 1 else f"Alias{counts[name] - 1}"
        paths[path] = {"get": {"operationId": f"gateway.{name}{suffix}", **operation}}
    return paths


def _operation(summary: str, responses: Document) -> Document:
    return {"summary": summary, "tags": ["gateway"], "security": [], "responses": responses}


def _json(description: str, schema: Document) -> Document:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_STATUS: Final = {"type": "string", "enum": ["healthy", "degraded", "down"]}
_HEALTH: Final = {
    "type": "object",
    "required": ["status", "service"],
    "properties": {"status": {"const": "ok"}, "service": {"const": "gateway"}},
}
_READINESS: Final = {
    "type": "object",
    "required": ["status", "services"],
    "properties": {
        "status": _STATUS,
        "services": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "status", "latencyMs"],
                "properties": {
                    "name": {"type": "string"},
                    "status": _STATUS,
                    "latencyMs": {"type": "number"},
                    "detail": {"type": ["string", "null"]},
                },
            },
        },
    },
}
