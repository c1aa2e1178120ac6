"""How text that a client sends is kept: composed (NFC), a name on one line and without what cannot be seen."""

import re
from collections.abc import Callable
from typing import Any
from unicodedata import category, combining, normalize

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from chassis.exact import rewritten

MARK = "chassis_kept_as"
MAX_MARKS = 30
"""Combining characters on one letter (Unicode 15 annex 15, stream-safe text); composing takes their square."""

_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Category Cc without tab and line breaks; NUL is refused by the pattern, also where text is taken as it is."""
_MAYBE_MARKS = re.compile(f"[\u0300-\U0010ffff]{{{MAX_MARKS + 1}}}")
_EDGES = " \u200b\u2060\ufeff"
"""The space, and characters of no width that mean nothing at an end."""
_EMPTY_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols by category that show nothing: Hangul fillers and the empty Braille cell."""


def as_line(value: Any) -> Any:
    """Text as a name is kept: one space between words and nothing invisible at the ends; empty if nothing shows."""
    if not isinstance(value, str):
        return value
    if value.isascii() and value.isprintable() and "  " not in value:
        return value.strip()
    return as_text(" ".join(value.split()).strip(_EDGES))


def as_text(value: Any) -> Any:
    """Text of several lines as it is kept: empty if nothing shows; ValueError for control characters."""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    if not value.isascii():
        _check_marks(value)
        value = normalize("NFC", value)
        if not any(map(_is_visible, value)):
            return ""
    if found := _CONTROL.search(value):
        raise ValueError(f"must not contain the control character U+{ord(found[0]):04X}")
    return value


class KeptAs:
    """In `Annotated`: what is done to the text before its lengths and pattern are looked at.

    A validator of Pydantic's in this place would make every later constraint a check of its own, with other words.
    """

    def __init__(self, rule: Callable[[Any], Any]) -> None:
        self._rule = rule

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The text's schema with a mark, which `kept` looks for when the constraints are known."""
        schema: Any = handler(source)
        marked: CoreSchema = schema | {"metadata": {**schema.get("metadata", {}), MARK: self._rule}}
        return marked


def kept(schema: CoreSchema) -> CoreSchema:
    """The schema of a model, in which text is kept as its type says."""
    return rewritten(schema, {"str": _kept})


def _kept(schema: Any) -> Any:
    marks = dict(schema.get("metadata", {}))
    rule = marks.pop(MARK, None)
    return no_info_before_validator_function(rule, schema | {"metadata": marks}) if rule else schema


def _check_marks(text: str) -> None:
    """ValueError for a heap of combining characters."""
    if not _MAYBE_MARKS.search(text):
        return
    run = 0
    for each in text:
        run = run + 1 if combining(each) else 0
        if run > MAX_MARKS:
            raise ValueError(f"must not have more than {MAX_MARKS} combining characters in a row")


def _is_visible(char: str) -> bool:
    return category(char) not in {"Cf", "Cc", "Zs", "Zl", "Zp"} and char not in _EMPTY_LETTERS
