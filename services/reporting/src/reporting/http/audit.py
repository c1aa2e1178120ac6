"""Doors of the audit log."""

from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator, Field, StringConstraints

from chassis.auth import Actor
from chassis.guards import InReadTx, Requires
from chassis.history import ActivityOut
from chassis.http import router
from chassis.paging import PageQuery
from chassis.runtime import runtime_of
from chassis.schema import Instant, Out, Parameters, Text
from reporting.domain.permissions import Permission
from reporting.http.audit_csv import Range, file_name, stream
from reporting.http.pages import FreshCursorPage, FreshPage, fresh
from reporting.http.ranges import PlausibleMoment, check_order
from reporting.settings import ReportingSettings
from reporting.store import audit as store
from reporting.usecases.audit import check_chain

audit = router("audit")

MayRead = Annotated[Actor, Depends(Requires(Permission.AUDIT_READ))]
MayExport = Annotated[Actor, Depends(Requires(Permission.AUDIT_EXPORT, feature="audit-export"))]

Token = Annotated[Text, StringConstraints(min_length=1, max_length=64)]
Values = Annotated[
    dict[str, Any] | None, BeforeValidator(lambda text: orjson.loads(text) if isinstance(text, str) else text)
]


class AuditOut(ActivityOut):
    """One line of the log, and its place in the chain."""

    entity_id: UUID | None  # type: ignore[assignment] # a denial concerns no entity
    before: Values
    after: Values
    context: str
    seq: int
    hash: Annotated[str, BeforeValidator(bytes.hex)]
    ip: str | None
    user_agent: str | None
    recorded_at: Instant


class CheckpointOut(Out):
    """What was pruned at the beginning of the chain; signed."""

    first_seq: int
    last_seq: int
    count: int
    last_hash: str
    at: Instant


class VerifyOut(Out):
    """Whether the chain holds; `brokenAt` is the first place where it does not."""

    ok: bool
    checked: int
    first_seq: int | None
    last_seq: int | None
    broken_at: int | None
    head: str | None
    sealed_seq: int | None
    checkpoint: CheckpointOut | None
    as_of: Instant


class AuditFilters(Parameters):
    """Which lines; days are whole days of the organisation's zone, the last one included."""

    actor: UUID | None = Field(None, description="Id of a person or key.")
    entity_type: Token | None = None
    entity_id: UUID | None = None
    action: Token | None = None
    first: PlausibleMoment | None = Field(None, alias="from")
    last: PlausibleMoment | None = Field(None, alias="to")

    def filters(self) -> dict[str, Any]:
        """By the names of the store's filters, None where one does not apply."""
        check_order(self.first, self.last)
        chosen = Range(self.first, self.last).filters()
        named = {"entity_type": self.entity_type, "entity_id": self.entity_id, "action": self.action}
        return chosen | named | {"actor_id": self.actor}


class AuditQuery(PageQuery, AuditFilters):
    """Filters and page."""

    sort_by: Literal["createdAt", "at", "seq", "action"] = "createdAt"


@audit.get("/audit", response_model=FreshPage[AuditOut] | FreshCursorPage[AuditOut])
async def search(actor: MayRead, query: Annotated[AuditQuery, Depends(AuditQuery.of)], tx: InReadTx) -> Any:
    """Who did what, newest first."""
    page = await store.list_entries(tx, actor.org_id, query, query.filters())
    return fresh(AuditOut, page, page.items, tx.now)


@audit.get("/audit/verify", response_model=VerifyOut)
async def verify(request: Request, actor: MayRead) -> Any:
    """Walk along the whole chain: nothing in it was changed, moved, put in or taken away, also not at its end."""
    runtime = runtime_of(request.app)
    key = runtime.part(ReportingSettings).audit_key
    return await check_chain(runtime.source, actor, key.get_secret_value() if key else None)


@audit.get(
    "/audit/export.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The lines."}},
)
async def export(
    request: Request, actor: MayExport, query: Annotated[AuditFilters, Depends(AuditFilters.of)], tx: InReadTx
) -> StreamingResponse:
    """The lines of at most 366 days as CSV, oldest first; the last 366 days by default."""
    chosen = Range(query.first, query.last).bounded(tx.now)
    filters = query.filters() | chosen.filters()
    first = await store.next_entries(tx, actor.org_id, 0, filters)
    disposition = {"content-disposition": f'attachment; filename="{file_name(chosen)}"'}
    lines = stream(runtime_of(request.app).source, actor, filters, first)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=disposition)
