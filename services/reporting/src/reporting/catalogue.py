"""Every fact that the contracts declare, by type: reporting hears them all."""

from collections.abc import Iterator
from importlib import import_module

from google.protobuf import message_factory

from chassis.facts import fact_type
from execos.platform.v1 import activity_pb2
from execos.platform.v1.options_pb2 import fact as FACT  # noqa: N812 - an extension is a constant

CONTEXTS = ("identity", "sales", "work", "billing", "notifications", "reporting")


def domain_types() -> list[str]:
    """The facts of the six contexts."""
    return [each for context in CONTEXTS for each in _types(f"execos.{context}.v1.events_pb2", context)]


def platform_types(name: str) -> list[str]:
    """A fact of the platform, such as "activity.recorded", as each of the six contexts publishes it."""
    suffix = f".{name}.v1"
    module = activity_pb2.__name__
    return [each for context in CONTEXTS for each in _types(module, context) if each.endswith(suffix)]


def _types(module: str, context: str) -> Iterator[str]:
    for descriptor in import_module(module).DESCRIPTOR.message_types_by_name.values():
        if descriptor.GetOptions().Extensions[FACT]:
            yield fact_type(message_factory.GetMessageClass(descriptor), context)
