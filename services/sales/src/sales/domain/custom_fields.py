"""Fields of an organisation's own: what their values may be, and how values are kept."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict, Invalid
from chassis.rows import Aggregate
from sales.domain.rows import Row

MAX_TEXT = 1000
MAX_OPTIONS = 200
MAX_OPTION = 100
MAX_FIELDS = 100
KEY = r"^[a-z][a-z0-9_]{0,39}$"

DIGITS = 15
"""As many as a JSON number keeps exactly, whoever reads it."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)


class FieldEntity(StrEnum):
    """What can have fields of one's own; those of work items wait for work to show them (decision 25)."""

    COMPANY = "company"
    CONTACT = "contact"
    LEAD = "lead"
    DEAL = "deal"
    WORK_ITEM = "workItem"


class FieldType(StrEnum):
    """What a value is."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOL = "bool"
    SELECT = "select"
    MULTI = "multi"


CHOOSING = frozenset({FieldType.SELECT, FieldType.MULTI})
"""The types whose values come from a list of options."""


class FieldExists(Conflict):
    """The entity has a field of that key."""

    reason = "CUSTOM_FIELD_EXISTS"


class TooManyFields(Conflict):
    """The entity has as many fields as it can have."""

    reason = "CUSTOM_FIELD_LIMIT"


class CustomField(Row, Aggregate):
    """A definition; key and type stay as they are, because values have been written under them."""

    __tablename__ = "custom_field"
    __table_args__ = (
        CheckConstraint("entity IN ('company', 'contact', 'lead', 'deal', 'workItem')", name="entity"),
        CheckConstraint("type IN ('text', 'number', 'date', 'bool', 'select', 'multi')", name="type"),
        Index("uq_custom_field_key", "org_id", "entity", "key", unique=True),
    )
    entity_type: ClassVar[str] = "CUSTOM_FIELD"

    entity: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(16))
    options: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    required: Mapped[bool]


def check_options(kind: str, options: Sequence[str] | None) -> None:
    """Invalid unless there are options exactly where the type chooses from them, each once."""
    if kind not in CHOOSING:
        if options is not None:
            raise Invalid.field("options", "are only for fields of the types select and multi")
    elif not options:
        raise Invalid.field("options", "is required for fields of the types select and multi")
    elif len(set(options)) < len(options):
        raise Invalid.field("options", "names the same option twice")


def kept(field: Any, value: Any) -> Any:
    """A value that a client sent for a field (its `type` and `options`), as JSON keeps it; ValueError says why not."""
    return _KEPT[FieldType(field.type)](value, field.options or ())


def fitting(fields: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that definitions by key let a row have."""
    found: dict[str, Any] = {}
    for key in values.keys() & fields.keys():
        with suppress(ValueError):
            found[key] = kept(fields[key], values[key])
    return found


def sought(field: Any, text: str) -> Any:
    """What a filter looks for, of text in a query: the value, or for several choices one of them."""
    kind = FieldType(field.type)
    if kind is FieldType.BOOL and text in {"true", "false"}:
        return text == "true"
    if kind in CHOOSING:
        return [text] if kind is FieldType.MULTI else text
    return kept(field, text)


def read(field: Any, text: str) -> Any:
    """A value that a cell of a file says, as JSON keeps it; choices are parted by commas, semicolons or bars."""
    kind = FieldType(field.type)
    if kind is FieldType.MULTI:
        return kept(field, [each.strip() for each in re.split(r"[,;|]", text) if each.strip()])
    return kept(field, sought(field, text.lower() if kind is FieldType.BOOL else text))


def _text(value: Any, _options: Sequence[str]) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004 - what a client sent, not a bug
    text = value.strip()
    if not 0 < len(text) <= MAX_TEXT:
        raise ValueError(f"must have 1 to {MAX_TEXT} characters")
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds characters that cannot be kept")
    return text


def _number(value: Any, _options: Sequence[str]) -> int | float:
    is_text = isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is not None
    if isinstance(value, bool) or not (is_text or isinstance(value, int | float)):
        raise ValueError("must be a number")
    number = Decimal(value.strip() if is_text else repr(value))
    if not number.is_finite() or abs(number) >= 10**DIGITS:
        raise ValueError(f"must have at most {DIGITS} digits before the point")
    if is_text and len(number.normalize().as_tuple().digits) > DIGITS:
        raise ValueError(f"must have at most {DIGITS} digits")
    return int(number) if number == number.to_integral_value() else float(number)


def _date(value: Any, _options: Sequence[str]) -> str:
    text = value.strip() if isinstance(value, str) else ""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)  # noqa: TRY301 - one way out for whatever is no date
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("must be a date, such as 2026-03-10") from None


def _bool(value: Any, _options: Sequence[str]) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - as above
    return value


def _choice(value: Any, options: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in options:
        raise ValueError("must be one of the options")
    return value


def _choices(value: Any, options: Sequence[str]) -> list[str]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of options")
    chosen = [_choice(each, options) for each in value]
    if len(set(chosen)) < len(chosen):
        raise ValueError("names the same option twice")
    return chosen


_KEPT: Mapping[FieldType, Callable[[Any, Sequence[str]], Any]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.DATE: _date,
    FieldType.BOOL: _bool,
    FieldType.SELECT: _choice,
    FieldType.MULTI: _choices,
}
