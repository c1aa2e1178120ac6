"""Lists: pages with counts, or cursors that stay stable while rows come and go (design/api.md 2)."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import orjson
from pydantic import ConfigDict, Discriminator, Field, Tag
from sqlalchemy import ColumnElement

from chassis.errors import Invalid
from chassis.schema import Out, Parameters

T = TypeVar("T")

MAX_PAGE_SIZE = 100
MAX_PAGE = 1_000_000


class PageQuery(Parameters):
    """Query parameters of a list; a route adds its filters and narrows `sort_by` to its white list."""

    page: int = Field(1, ge=1, le=MAX_PAGE)
    page_size: int = Field(20, ge=1, le=MAX_PAGE_SIZE)
    sort_by: str = "createdAt"
    sort_dir: Literal["asc", "desc"] = "desc"
    cursor: str | None = Field(
        None, max_length=1024, description="Continue after this `nextCursor`; empty = start."
    )
    limit: int | None = Field(None, ge=1, le=MAX_PAGE_SIZE, description="Size of a cursor page.")

    @property
    def is_cursor(self) -> bool:
        """Whether the client asked for a cursor page."""
        return self.cursor is not None or self.limit is not None


@dataclass(frozen=True, slots=True)
class PageRows:
    """Rows of one page, as the store returns them."""

    items: Sequence[Any]
    page: int
    page_size: int
    total_count: int
    next_cursor: str | None

    @property
    def total(self) -> int:
        """The same as `total_count`, for reference clients."""
        return self.total_count


@dataclass(frozen=True, slots=True)
class CursorRows:
    """Rows of one cursor page."""

    items: Sequence[Any]
    next_cursor: str | None


class Page(Out, Generic[T]):
    """A page with counts."""

    items: list[T]
    page: int
    page_size: int
    total_count: int
    total: int
    next_cursor: str | None


class CursorPage(Out, Generic[T]):
    """A page that continues from a cursor."""

    # Closed in the document, so that a page with counts is not taken for one of these too.
    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    items: list[T]
    next_cursor: str | None


def _form(page: Any) -> str:
    return "page" if hasattr(page, "total_count") else "cursor"


def listing(item: type[Out]) -> Any:
    """The `response_model` of a list route: a page with counts, or a cursor page."""
    page, cursor_page = Page[item], CursorPage[item]  # type: ignore[valid-type]
    return Annotated[
        Annotated[page, Tag("page")] | Annotated[cursor_page, Tag("cursor")], Discriminator(_form)
    ]


def encode_cursor(query: PageQuery, value: Any, row_id: UUID) -> str:
    """The opaque cursor behind a row in the order of `query`."""
    cursor = orjson.dumps([query.sort_by, query.sort_dir, value, row_id], default=str)
    return base64.urlsafe_b64encode(cursor).decode().rstrip("=")


def decode_cursor(query: PageQuery, column: ColumnElement[Any]) -> tuple[Any, UUID]:
    """The sort value and the id that a cursor names; Invalid when it is no cursor of this order."""
    text = query.cursor or ""
    try:
        sort_by, sort_dir, value, row_id = orjson.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
        if (sort_by, sort_dir) != (query.sort_by, query.sort_dir):
            raise ValueError("made for another order")  # noqa: TRY301 - one way out for every bad cursor
        return _typed(value, column.type.python_type), UUID(str(row_id))
    except (ValueError, TypeError, AttributeError, InvalidOperation, binascii.Error):
        raise Invalid.field("cursor", "is not a cursor of this list") from None


_FROM_TEXT: Mapping[type, Callable[[str], Any]] = {
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    Decimal: Decimal,
    UUID: UUID,
}


def _typed(value: Any, kind: type[Any]) -> Any:
    if value is None:
        return None
    if not isinstance(value, str if kind in _FROM_TEXT else kind):
        raise ValueError("of another type")  # noqa: TRY004 - a bad cursor, not a bug
    return _FROM_TEXT[kind](value) if kind in _FROM_TEXT else value
