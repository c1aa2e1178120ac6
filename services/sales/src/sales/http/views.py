"""Doors of saved views."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import Field, StringConstraints, ValidationError

from chassis.errors import Invalid
from chassis.guards import InReadTx, InTx
from chassis.http import router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import In, Instant, Line, Out, absent
from sales.domain.labels import Kind, readable
from sales.domain.views import MAX_COLUMNS, MAX_FILTERS
from sales.http.companies import CompaniesQuery
from sales.http.contacts import AllContactsQuery
from sales.http.deals import DealsQuery
from sales.http.labels import MayReadAny
from sales.http.leads import LeadsQuery
from sales.http.shapes import RowsQuery
from sales.store import views as store
from sales.usecases.views import change_view, delete_view, save_view

views = router("views")

QUERIES: Mapping[Kind, type[RowsQuery]] = {
    Kind.COMPANY: CompaniesQuery,
    Kind.CONTACT: AllContactsQuery,
    Kind.LEAD: LeadsQuery,
    Kind.DEAL: DealsQuery,
}
"""What the list of each kind takes."""
NO_FILTERS = frozenset(field.alias for field in PageQuery.model_fields.values())

Filters = Annotated[dict[str, Any], Field(max_length=MAX_FILTERS)]
Columns = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.]{0,63}$")]],
    Field(max_length=MAX_COLUMNS),
]
SortBy = Annotated[str, StringConstraints(max_length=64)]
SortDir = Literal["asc", "desc"]


class ViewIn(In):
    """A new view; filters and order as the query of the entity's list has them."""

    name: Line
    entity: Kind
    filters: Filters = Field(default={}, description="Parameters of the list by name.")
    sort_by: SortBy | None = None
    sort_dir: SortDir | None = None
    columns: Columns = Field(default=[])
    shared: bool = Field(default=False, description="Whether everybody sees it.")


class ViewPatch(In):
    """What to change; the entity stays."""

    name: Line = absent()
    filters: Filters = absent()
    sort_by: SortBy | None = None
    sort_dir: SortDir | None = None
    columns: Columns = absent()
    shared: bool = absent()


class ViewOut(Out):
    """A saved view."""

    id: UUID
    name: str
    entity: Kind
    filters: dict[str, Any]
    sort_by: str | None
    sort_dir: SortDir | None
    columns: list[str]
    shared: bool
    owner_user_id: UUID
    version: int
    created_at: Instant
    updated_at: Instant


class ViewsQuery(PageQuery):
    """Query parameters of the list of views."""

    sort_by: Literal["createdAt", "name"] = "name"
    sort_dir: Literal["asc", "desc"] = "asc"
    entity: Kind | None = None


def understood(kind: Kind, values: Mapping[str, Any]) -> dict[str, Any]:
    """The filters and the order of a view as its list understands them; refused when it does not."""
    order = [
        (name, values[key])
        for name, key in (("sortBy", "sort_by"), ("sortDir", "sort_dir"))
        if values.get(key)
    ]
    try:
        return QUERIES[kind].read([*_pairs(values.get("filters", {})), *order]).filters()
    except ValidationError as refused:
        raise RequestValidationError([_placed(error) for error in refused.errors()]) from None


def _pairs(filters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Filters as names and values of a query."""
    for name, value in filters.items():
        if name in NO_FILTERS:
            raise Invalid.field(f"filters.{name}", "is not a filter")
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, str | int | float):
                raise Invalid.field(f"filters.{name}", "must be a text, a number, true, false, or a list")
            yield name, str(each).lower() if isinstance(each, bool) else str(each)


def _placed(error: Any) -> Any:
    family, *rest = error["loc"]
    name = f"{family}{rest[0]}" if family == "cf." and rest else family
    return error | {"loc": ("body", name) if name in NO_FILTERS else ("body", f"filters.{name}")}


@views.get("/views", response_model=listing(ViewOut))
async def search(
    actor: MayReadAny, query: Annotated[ViewsQuery, Depends(ViewsQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """One's own views and the shared ones, of what one may see."""
    filters = {"entity": query.entity}
    return await store.list_views(
        tx, actor.org_id, query, filters, reader_id=actor.id, kinds=readable(actor.may)
    )


@views.post("/views", response_model=ViewOut, status_code=201)
async def create(_actor: MayReadAny, body: ViewIn, tx: InTx) -> Any:
    """A new view; sharing it needs `views:share`."""
    return await save_view(tx, body.changes(), understood)


@views.get("/views/{view_id}", response_model=ViewOut)
async def read(view_id: UUID, actor: MayReadAny, tx: InReadTx) -> Any:
    """One view, own or shared."""
    return await store.show(tx, actor.org_id, view_id, reader_id=actor.id, kinds=readable(actor.may))


@views.patch("/views/{view_id}", response_model=ViewOut)
async def change(view_id: UUID, _actor: MayReadAny, body: ViewPatch, tx: InTx) -> Any:
    """Change what is sent; a shared one needs `views:share`."""
    return await change_view(tx, view_id, body.changes(), understood)


@views.delete("/views/{view_id}", status_code=204)
async def delete(view_id: UUID, _actor: MayReadAny, tx: InTx) -> None:
    """The view is gone; a shared one needs `views:share`."""
    await delete_view(tx, view_id)
