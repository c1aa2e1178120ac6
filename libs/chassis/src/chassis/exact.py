"""Values of JSON bodies are of the types that the document says: "5" is no number, 1 and "yes" are no truth."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

OPAQUE = frozenset({"metadata", "default", "serialization"})
"""Parts of a schema that describe no value of the body."""


def exact(schema: CoreSchema) -> CoreSchema:
    """The schema, in which truths, whole numbers and instants are not made of values of another JSON type.

    Pydantic's own strict mode would also refuse the texts that JSON has for UUIDs, dates and words of a list.
    """
    return rewritten(schema, _EXACT)


def rewritten(schema: CoreSchema, by_type: Mapping[str, Callable[[Any], Any]]) -> CoreSchema:
    """The schema, in which each part of a type that `by_type` names is what that makes of it."""
    return cast("CoreSchema", _rewritten(schema, by_type))


def _rewritten(part: Any, by_type: Mapping[str, Callable[[Any], Any]]) -> Any:
    if isinstance(part, list | tuple):
        return type(part)(_rewritten(each, by_type) for each in part)
    if not isinstance(part, Mapping):
        return part
    found = {name: value if name in OPAQUE else _rewritten(value, by_type) for name, value in part.items()}
    return by_type.get(str(found.get("type")), dict)(found)


def _truth(schema: Any) -> Any:
    return schema | {"strict": True}


def _number(schema: Any) -> Any:
    return no_info_before_validator_function(_whole, schema | {"strict": True})


def _instant(schema: Any) -> Any:
    return no_info_before_validator_function(_text, schema)


def _whole(value: Any) -> Any:
    # JSON has one kind of numbers: 2.0 is a whole one.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any) -> Any:
    # Pydantic would take a number, also as text, for seconds since 1970.
    if isinstance(value, datetime) or (isinstance(value, str) and "-" in value[1:]):
        return value
    raise ValueError("must be an instant, such as 2026-03-10T12:00:00Z")


_EXACT: Mapping[str, Callable[[Any], Any]] = {"bool": _truth, "int": _number, "datetime": _instant}
