"""Facts on the wire: from a message to its type and JSON, and back (design/events.md 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

import orjson
from google.protobuf import message_factory
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message

from execos.platform.v1.options_pb2 import fact as FACT  # noqa: N812 - an extension is a constant

PLATFORM = "platform"
_PACKAGE = re.compile(r"execos\.([a-z]+)\.(v[1-9]\d*)")
_TYPE = re.compile(r"([a-z]+)\.([a-z_]+\.[a-z_]+)\.(v[1-9]\d*)")

Json = dict[str, Any]


class UnknownFact(LookupError):
    """A type that these contracts do not declare: of a newer version of its publisher."""


class MalformedFact(ValueError):
    """A payload that is not the JSON of its type."""


def fact_type(message: Message | type[Message], context: str | None = None) -> str:
    """`<context>.<aggregate>.<fact>.v<major>`; the platform's own facts need the publisher's `context`.

    ValueError when the message is no fact, or not one of `context`.
    """
    descriptor = message.DESCRIPTOR
    name = descriptor.GetOptions().Extensions[FACT]
    package = _PACKAGE.fullmatch(descriptor.file.package)
    if not name or not package:
        raise ValueError(f"{descriptor.full_name} is no fact")
    owner, major = package.groups()
    publisher = context or owner
    if publisher == PLATFORM or owner not in {publisher, PLATFORM}:
        raise ValueError(f"{descriptor.full_name} is no fact of {publisher}")
    return f"{publisher}.{name}.{major}"


def to_dict(message: Message) -> Json:
    """Canonical JSON as Python values; scalars without presence are always there, so that the shape is stable."""
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def to_json(message: Message) -> bytes:
    """Canonical JSON in UTF-8: camelCase, RFC 3339 instants, 64 bit integers as strings."""
    return orjson.dumps(to_dict(message))


def parse(event_type: str, payload: bytes | Json) -> Message:
    """The message of a fact; fields that only a newer publisher knows are ignored.

    UnknownFact for a type that is not declared here, MalformedFact for a payload that does not fit.
    """
    message = message_class(event_type)()
    try:
        values = payload if isinstance(payload, dict) else orjson.loads(payload)
        if isinstance(values, dict):
            return ParseDict(values, message, ignore_unknown_fields=True)
    except (ParseError, orjson.JSONDecodeError) as error:
        raise MalformedFact(f"the payload is no {event_type}") from error
    raise MalformedFact(f"the payload of {event_type} is no JSON object")


def message_class(event_type: str) -> type[Message]:
    """The class behind a type; UnknownFact when there is none."""
    if parts := _TYPE.fullmatch(event_type):
        context, name, major = parts.groups()
        for owner in (context, PLATFORM) if context != PLATFORM else ():
            if found := _declared(owner, major).get(name):
                return found
    raise UnknownFact(event_type)


@lru_cache(maxsize=64)
def _declared(owner: str, major: str) -> Mapping[str, type[Message]]:
    package = f"execos.{owner}.{major}"
    module = _module(f"{package}.activity_pb2" if owner == PLATFORM else f"{package}.events_pb2")
    messages = module.DESCRIPTOR.message_types_by_name.values() if module else ()
    return {
        name: message_factory.GetMessageClass(message)
        for message in messages
        if (name := message.GetOptions().Extensions[FACT])
    }


def _module(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            return None
        raise
