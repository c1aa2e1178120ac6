"""Doors of exports: a list as CSV, streamed batch by batch, each read in a short transaction of its own."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import StreamingResponse

from chassis.auth import Actor
from chassis.cells import lines
from chassis.guards import InTx, Requires
from chassis.http import router
from chassis.money import Money
from chassis.queries import ListQuery
from chassis.runtime import runtime_of
from chassis.tx import Source
from sales.domain.custom_fields import FieldEntity
from sales.domain.imports import Entity
from sales.domain.permissions import Permission
from sales.http.companies import CompaniesQuery
from sales.http.contacts import AllContactsQuery
from sales.http.deals import DealsQuery
from sales.http.leads import LeadsQuery
from sales.http.shapes import RowsQuery
from sales.store import companies, contacts, custom_fields, deals, leads
from sales.usecases.exports import note_export

exports = router("exports")

BATCH = 1000
FIRST = UUID(int=0)
CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The rows."}
}

Cell = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A list as a table: its query and its columns, which are those that an import knows and some more."""

    entity: Entity
    list: ListQuery
    columns: Mapping[str, Cell]


def _field(name: str) -> Cell:
    return lambda row: getattr(row, name)


def _of(name: str, part: str) -> Cell:
    return lambda row: (getattr(row, name) or {}).get(part)


def _amount(row: Any) -> str | None:
    return None if row.value_minor is None else str(Money(row.value_minor, row.currency))


def _tags(row: Any) -> str:
    return ", ".join(row.tags)


_ID: dict[str, Cell] = {"id": _field("id")}
_REST: dict[str, Cell] = {
    "owner": _of("owner", "email"),
    "tags": _tags,
    "createdAt": _field("created_at"),
    "updatedAt": _field("updated_at"),
    "archivedAt": _field("archived_at"),
}
COMPANIES = Table(
    Entity.COMPANY,
    companies.LIST,
    _ID
    | {
        "name": _field("name"),
        "industry": _field("industry"),
        "website": _field("website"),
        "phone": _field("phone"),
        "email": _field("email"),
        "legalName": _field("legal_name"),
        "vatId": _field("vat_id"),
    }
    | {
        f"address.{part}": _of("address", part)
        for part in ("line1", "line2", "postalCode", "city", "region", "country")
    }
    | _REST,
)
CONTACTS = Table(
    Entity.CONTACT,
    contacts.LIST,
    _ID
    | {"name": _field("name"), "title": _field("title"), "email": _field("email"), "phone": _field("phone")}
    | {"companyId": _field("company_id"), "company": _of("company", "name")}
    | _REST,
)
LEADS = Table(
    Entity.LEAD,
    leads.LIST,
    _ID
    | {
        "title": _field("title"),
        "stage": _field("stage"),
        "source": _field("source"),
        "category": _field("chosen_category"),
    }
    | {"notes": _field("notes"), "companyId": _field("company_id"), "company": _of("company", "name")}
    | {"contactId": _field("contact_id"), "convertedDealId": _field("converted_deal_id")}
    | _REST,
)
DEALS = Table(
    Entity.DEAL,
    deals.LIST,
    _ID
    | {"title": _field("title"), "stage": _field("stage")}
    | {
        "companyId": _field("company_id"),
        "company": _of("company", "name"),
        "contactId": _field("contact_id"),
    }
    | {
        "valueAmount": _amount,
        "currency": _field("currency"),
        "expectedCloseDate": _field("expected_close_date"),
        "pipelineStage": _field("pipeline_stage"),
    }
    | {"wonAt": _field("won_at"), "lostAt": _field("lost_at"), "lostReason": _field("lost_reason")}
    | {"notes": _field("notes")}
    | _REST,
)


@exports.get("/exports/companies.csv", response_class=StreamingResponse, responses=CSV)
async def read_companies(
    request: Request,
    _actor: Annotated[Actor, Depends(Requires(Permission.COMPANIES_EXPORT))],
    query: Annotated[CompaniesQuery, Depends(CompaniesQuery.of)],
    tx: InTx,
) -> StreamingResponse:
    """All companies that the list would show with these filters, as CSV."""
    return await _export(request, tx, COMPANIES, query)


@exports.get("/exports/contacts.csv", response_class=StreamingResponse, responses=CSV)
async def read_contacts(
    request: Request,
    _actor: Annotated[Actor, Depends(Requires(Permission.CONTACTS_EXPORT))],
    query: Annotated[AllContactsQuery, Depends(AllContactsQuery.of)],
    tx: InTx,
) -> StreamingResponse:
    """All contacts that the list would show with these filters, as CSV."""
    return await _export(request, tx, CONTACTS, query)


@exports.get("/exports/leads.csv", response_class=StreamingResponse, responses=CSV)
async def read_leads(
    request: Request,
    _actor: Annotated[Actor, Depends(Requires(Permission.LEADS_EXPORT))],
    query: Annotated[LeadsQuery, Depends(LeadsQuery.of)],
    tx: InTx,
) -> StreamingResponse:
    """All leads that the list would show with these filters, as CSV."""
    return await _export(request, tx, LEADS, query)


@exports.get("/exports/deals.csv", response_class=StreamingResponse, responses=CSV)
async def read_deals(
    request: Request,
    _actor: Annotated[Actor, Depends(Requires(Permission.DEALS_EXPORT))],
    query: Annotated[DealsQuery, Depends(DealsQuery.of)],
    tx: InTx,
) -> StreamingResponse:
    """All deals that the list would show with these filters, as CSV."""
    return await _export(request, tx, DEALS, query)


async def _export(request: Request, tx: InTx, table: Table, query: RowsQuery) -> StreamingResponse:
    org_id, entity = tx.actor.org_id, FieldEntity(table.entity.value)
    filters = await custom_fields.typed(tx, org_id, entity, query.filters() | {"now": tx.now})
    count = await table.list.count(tx, org_id=org_id, **filters)
    keys = sorted(await custom_fields.hold(tx, org_id, entity))
    plural = table.entity.permission.partition(":")[0]
    note_export(tx, plural, count, dict(request.query_params))
    rows = _rows(runtime_of(request.app).source, tx.actor, table, filters, keys)
    headers = {"content-disposition": f'attachment; filename="{plural}-{tx.now:%Y-%m-%d}.csv"'}
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


async def _rows(
    source: Source, actor: Actor, table: Table, filters: Mapping[str, Any], keys: Sequence[str]
) -> AsyncIterator[bytes]:
    """The lines; a slow reader keeps no transaction open."""
    yield lines([[*table.columns, *(f"cf.{key}" for key in keys)]])
    after: UUID | None = FIRST
    while after is not None:
        async with source.reading(actor) as reading:
            batch = await table.list.behind(reading, after, BATCH, org_id=actor.org_id, **filters)
        yield lines([_line(table, row, keys) for row in batch])
        after = cast("UUID", batch[-1].id) if len(batch) == BATCH else None


def _line(table: Table, row: Any, keys: Sequence[str]) -> list[Any]:
    own = row.custom_fields
    return [*(_text(cell(row)) for cell in table.columns.values()), *(_text(own.get(key)) for key in keys)]


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else value
