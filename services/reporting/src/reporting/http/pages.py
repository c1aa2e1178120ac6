"""Pages that tell how fresh they are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from chassis.paging import CursorPage, CursorRows, Page, PageRows
from chassis.schema import Instant, Out

T = TypeVar("T", bound=Out)


class FreshPage(Page[T], Generic[T]):
    """A page with counts."""

    as_of: Instant


class FreshCursorPage(CursorPage[T], Generic[T]):
    """A page that continues from a cursor."""

    as_of: Instant


def fresh(item: type[T], page: PageRows | CursorRows, shown: Sequence[Any], now: datetime) -> Any:
    """The page with these items, as fresh as its rows say; an empty one knows nothing that is older than now."""
    model: Any = FreshCursorPage[item] if isinstance(page, CursorRows) else FreshPage[item]  # type: ignore[valid-type]
    as_of = page.items[0].as_of if page.items else None
    fields = {name: getattr(page, name) for name in model.model_fields if hasattr(page, name)}
    return model.model_validate(fields | {"items": shown, "as_of": as_of or now})
