"""Which changes between two OpenAPI documents would break a caller that kept to the first one."""

from collections.abc import Iterator
from typing import Any

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
UPPER_LIMITS = ("maxLength", "maximum", "exclusiveMaximum", "maxItems")
LOWER_LIMITS = ("minLength", "minimum", "exclusiveMinimum", "minItems")

Document = dict[str, Any]


def breaking(before: Document, after: Document) -> list[str]:
    """One sentence for each change that breaks callers; empty when they can stay as they are."""
    found: list[str] = []
    for path, item in before.get("paths", {}).items():
        for method in (method for method in METHODS if method in item):
            where = f"{method.upper()} {path}"
            now = after.get("paths", {}).get(path, {}).get(method)
            if now is None:
                found.append(f"{where}: removed")
            else:
                found += _Operation(before, after, where).changes(item[method], now)
    return found


class _Operation:
    """The comparison of one operation in both documents."""

    def __init__(self, before: Document, after: Document, where: str) -> None:
        self.before, self.after, self.where = before, after, where
        self.seen: set[tuple[str, str, bool]] = set()

    def changes(self, old: Document, new: Document) -> Iterator[str]:
        if old.get("operationId") != new.get("operationId"):
            yield f"{self.where}: operationId {old.get('operationId')} became {new.get('operationId')}"
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        for status, response in old.get("responses", {}).items():
            if not status.startswith("2"):
                continue
            if status not in new.get("responses", {}):
                yield f"{self.where}: answer {status} removed"
                continue
            pair = _schema(response), _schema(new["responses"][status])
            yield from self._schemas(*pair, f"answer {status}", is_request=False)

    def _parameters(self, old: Document, new: Document) -> Iterator[str]:
        known, present = _parameters(old), _parameters(new)
        for key in known.keys() - present.keys():
            yield f"{self.where}: {key[0]} parameter {key[1]} removed"
        for key, parameter in present.items():
            if parameter.get("required") and not known.get(key, {}).get("required"):
                yield f"{self.where}: {key[0]} parameter {key[1]} is required now"
        for key in known.keys() & present.keys():
            pair = known[key].get("schema", {}), present[key].get("schema", {})
            yield from self._schemas(*pair, f"{key[0]} parameter {key[1]}", is_request=True)

    def _body(self, old: Document, new: Document) -> Iterator[str]:
        was, now = old.get("requestBody"), new.get("requestBody")
        if now and now.get("required") and not (was or {}).get("required"):
            yield f"{self.where}: a body is required now"
        if was:
            yield from self._schemas(_schema(was), _schema(now or {}), "body", is_request=True)

    def _schemas(self, old: Document, new: Document, at: str, *, is_request: bool) -> Iterator[str]:
        key = (str(old.get("$ref", at)), str(new.get("$ref", at)), is_request)
        if "$ref" in old and key in self.seen:
            return
        self.seen.add(key)
        old, new = _resolve(self.before, old), _resolve(self.after, new)
        yield from self._types(old, new, at, is_request=is_request)
        yield from self._properties(old, new, at, is_request=is_request)
        if "items" in old and "items" in new:
            yield from self._schemas(old["items"], new["items"], f"{at}[]", is_request=is_request)
        for kind in ("anyOf", "oneOf", "allOf"):
            for first, second in zip(old.get(kind, []), new.get(kind, []), strict=False):
                yield from self._schemas(first, second, at, is_request=is_request)

    def _types(self, old: Document, new: Document, at: str, *, is_request: bool) -> Iterator[str]:
        was, now = _types(self.before, old), _types(self.after, new)
        gone, added = was - now, now - was
        if was and now and (gone if is_request else added):
            yield f"{self.where}: {at} was {_shown(was)}, is {_shown(now)}"
        elif was and not now:
            yield f"{self.where}: {at} was {_shown(was)}, says no type now"
        if not is_request:
            return
        taken: list[Any] = old.get("enum", [])
        if lost := set(map(str, taken)) - set(map(str, new.get("enum", taken))):
            yield f"{self.where}: {at} no longer takes {_shown(lost)}"
        for limits, sign in ((UPPER_LIMITS, 1), (LOWER_LIMITS, -1)):
            for limit in limits:
                if limit in new and (limit not in old or sign * new[limit] < sign * old[limit]):
                    yield f"{self.where}: {at} has {limit} {new[limit]} now"

    def _properties(self, old: Document, new: Document, at: str, *, is_request: bool) -> Iterator[str]:
        was, now = old.get("properties", {}), new.get("properties", {})
        for name in was.keys() - now.keys():
            yield f"{self.where}: {at}.{name} removed"
        needed, given = set(new.get("required", [])), set(old.get("required", []))
        for name in sorted(needed - given if is_request else (given - needed) & now.keys()):
            yield f"{self.where}: {at}.{name} is {'required' if is_request else 'optional'} now"
        for name in was.keys() & now.keys():
            yield from self._schemas(was[name], now[name], f"{at}.{name}", is_request=is_request)


def _parameters(operation: Document) -> dict[tuple[str, str], Document]:
    return {(parameter["in"], parameter["name"]): parameter for parameter in operation.get("parameters", [])}


def _schema(message: Document) -> Document:
    content = message.get("content", {})
    return next((dict(media.get("schema", {})) for media in content.values()), {})


def _resolve(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def _types(document: Document, schema: Document) -> set[str]:
    """The JSON types that a schema allows, through references and alternatives."""
    schema = _resolve(document, schema)
    alternatives = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    if alternatives:
        return set().union(*(_types(document, alternative) for alternative in alternatives))
    kinds = schema.get("type", [])
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | ({"integer"} if "number" in found else set())


def _shown(words: set[str]) -> str:
    return " | ".join(sorted(words))
