"""Shapes at the doors: camelCase, closed for unknown fields, strings with limits."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self, get_args, get_origin
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AliasGenerator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from chassis.countries import COUNTRIES
from chassis.exact import exact
from chassis.money import CURRENCIES
from chassis.text import KeptAs, as_line, as_text, kept

_REPEATED = PydanticCustomError("repeated", "may be given only once")


class In(BaseModel):
    """A request body: unknown fields are refused, edge spaces stripped, values are of the types that JSON has."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", str_strip_whitespace=True, frozen=True
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How Pydantic reads it."""
        return kept(exact(handler(source)))

    def changes(self) -> dict[str, Any]:
        """The fields the client sent, by Python name; an absent field is left alone."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Parameters(In):
    """Query parameters of a route, asked for by `Annotated[DealQuery, Depends(DealQuery.of)]`.

    Read in one step by Pydantic: the framework's own parameter by parameter reading costs more than the list's SQL.
    A mapping whose alias ends with a dot (`cf.`) takes the whole family of parameters that begin with it, by the rest
    of their names.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How Pydantic reads it: of a query everything is text."""
        return kept(handler(source))

    @classmethod
    async def of(cls, request: Request) -> Self:
        """The request's parameters; RequestValidationError when they do not validate."""
        try:
            return cls.read(request.query_params.multi_items())
        except ValidationError as refused:
            raise RequestValidationError(
                [error | {"loc": ("query", *_named(error["loc"]))} for error in refused.errors()]
            ) from None

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """The parameters of names and values as a query has them; ValidationError when they do not validate."""
        given: dict[str, Any] = {}
        for name, value in pairs:
            given.setdefault(name, []).append(value)
        lists = {name for name in given if _is_list(cls, name)}
        _check_given_once(cls, {name: each for name, each in given.items() if name not in lists})
        values = {name: each if name in lists else each[0] for name, each in given.items()}
        for family in cls.families():
            members = [name for name in values if name.startswith(family)]
            values[family] = {name.removeprefix(family): values.pop(name) for name in members}
        return cls.model_validate(values)

    @classmethod
    def families(cls) -> dict[str, str]:
        """The beginnings that stand for families of parameters, and what each is for; OpenAPI has no word for them."""
        return {
            field.alias: field.description or ""
            for field in cls.model_fields.values()
            if field.alias and is_family(field.alias)
        }

    @classmethod
    def documented(cls) -> list[dict[str, Any]]:
        """The parameters as OpenAPI says them."""
        schema = cls.model_json_schema(by_alias=True)
        shapes = schema.get("$defs", {})
        return [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "schema": _inlined(shape, shapes),
            }
            for name, shape in schema["properties"].items()
            if not is_family(name)
        ]


def is_family(name: str) -> bool:
    """Whether a parameter's name stands for all that begin with it."""
    return name.endswith(".")


def _named(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where an error is, the parameter called as the client called it."""
    family, *rest = location
    return (f"{family}{rest[0]}",) if rest and is_family(str(family)) else location


def _is_list(model: type[BaseModel], alias: str) -> bool:
    return any(
        list in {get_origin(each) for each in (field.annotation, *get_args(field.annotation))}
        for field in model.model_fields.values()
        if field.alias == alias
    )


def _check_given_once(model: type[BaseModel], given: Mapping[str, Sequence[str]]) -> None:
    """ValidationError for parameters that have several values: taking one would be an answer to another question."""
    repeated = [
        InitErrorDetails(type=_REPEATED, loc=(name,), input=values)
        for name, values in given.items()
        if len(values) > 1
    ]
    if repeated:
        raise ValidationError.from_exception_data(model.__name__, repeated)


def _inlined(shape: Any, shapes: Mapping[str, Any]) -> Any:
    """A schema with its references to `shapes` replaced by what they name."""
    if isinstance(shape, list):
        return [_inlined(each, shapes) for each in shape]
    if not isinstance(shape, dict):
        return shape
    if "$ref" in shape:
        rest = {key: value for key, value in shape.items() if key != "$ref"}
        return _inlined(shapes[shape["$ref"].rpartition("/")[2]] | rest, shapes)
    return {key: _inlined(value, shapes) for key, value in shape.items()}


class Out(BaseModel):
    """An answer, read from a row or another object by attribute."""

    # Aliases only on the way out: looking a row up by alias first would cost an exception per field.
    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel), from_attributes=True
    )


def absent() -> Any:
    """Default of a PATCH field that is not nullable: may be left out, but not null."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _as_date(value: Any) -> Any:
    # The reference's clients send full instants for dates (api.md section 2).
    moment = _as_moment(value)
    return moment.date() if isinstance(moment, datetime) else moment


def _as_moment(value: Any) -> Any:
    # ISO text alone: Pydantic would take a number for seconds since 1970.
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not ISO_DAY.match(value):
        raise ValueError("must be a date, such as 2026-03-10, or an instant")
    return datetime.fromisoformat(value) if len(value) > len("2026-01-01") else date.fromisoformat(value)


def _with_offset(value: date) -> date:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("must name its offset from UTC, such as Z")
    return value


def _as_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("must be a currency code of ISO 4217, such as EUR")
    return code


def _as_decimal(value: Any) -> Any:
    # Of strings only the documented form: Decimal also reads exponents, underscores and digits of other scripts.
    if isinstance(value, bool) or not (isinstance(value, int | float) or _is_decimal(value)):
        raise ValueError("must be a decimal string")
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError("must be a finite amount")
    return number


def _is_decimal(value: Any) -> bool:
    return isinstance(value, str) and DECIMAL.fullmatch(value.strip()) is not None


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("must be a country's ISO 3166-1 code, such as DE")
    return code


DECIMAL = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)", re.ASCII)
NO_NUL = r"^[^\x00]*$"

Verbatim = Annotated[str, StringConstraints(pattern=NO_NUL)]
"""Text that is taken as it is, such as a password or a token; without NUL, which PostgreSQL cannot keep."""

Text = Annotated[Verbatim, KeptAs(as_text)]
"""Text of several lines, as models of this module keep it; a field of this type always adds its own `max_length`."""

Line = Annotated[Verbatim, KeptAs(as_line), StringConstraints(min_length=1, max_length=255)]
"""A name or title: 1 to 255 characters on one line; one of another length adds its own `max_length`."""

Instant = AwareDatetime
"""An RFC 3339 instant; every instant we keep is UTC, so it is answered with `Z`."""

Day = Annotated[date, BeforeValidator(_as_date)]
"""A calendar date; a full instant is also accepted on input."""

Moment = Annotated[
    date,
    PlainValidator(_as_moment),
    AfterValidator(_with_offset),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
    ),
]
"""A date, or an instant: the end of a range of time."""

Amount = Annotated[
    Decimal,
    BeforeValidator(_as_decimal),
    Field(ge=0, le=Decimal(10**12)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,3})?$", "examples": ["1200.00"]},
                {"type": "number", "minimum": 0, "maximum": 10**12},
            ]
        }
    ),
]
"""A decimal amount of money on input: a string, or a JSON number."""

Currency = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{3}$", to_upper=True), AfterValidator(_as_currency)
]
"""An ISO 4217 code, upper case whatever the client wrote (the pattern is matched before)."""


Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True), AfterValidator(_country)]
"""A country's ISO 3166-1 alpha-2 code, upper case whatever the client wrote."""


class Person(Out):
    """A person as embedded in other resources."""

    id: UUID | None
    name: str
    email: str | None
