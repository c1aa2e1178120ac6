"""Doors to invoices."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, Response

from billing.documents.render import render
from billing.domain.invoices import Invoice
from billing.domain.permissions import Permission
from billing.http.invoice_schemas import InvoiceOut, InvoiceQuery, InvoiceSummary, UnlockIn, VoidIn
from billing.http.parties import CurrentBuyer, NewBody, PatchBody
from billing.store import documents, invoices
from billing.usecases.invoices import (
    change_invoice,
    create_invoice,
    send_invoice,
    unlock_invoice,
    void_invoice,
)
from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.history import ActivityOut, ActivityQuery, list_activity
from chassis.http import router
from chassis.paging import CursorRows, PageRows, listing

routes = router("invoices")

Reader = Annotated[Actor, Depends(Requires(Permission.INVOICES_READ))]
Writer = Annotated[Actor, Depends(Requires(Permission.INVOICES_WRITE))]
Issuer = Annotated[Actor, Depends(Requires(Permission.INVOICES_SEND))]
Unlocker = Annotated[Actor, Depends(Requires(Permission.INVOICES_UNLOCK))]
Voider = Annotated[Actor, Depends(Requires(Permission.INVOICES_VOID))]

PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}},
    409: {"description": "The invoice was never sent, so it has no document."},
}


@routes.get("/invoices", response_model=listing(InvoiceSummary))
async def search(
    query: Annotated[InvoiceQuery, Depends(InvoiceQuery.of)], actor: Reader, tx: InReadTx
) -> PageRows | CursorRows:
    """Invoices by status, company or deal; `status=OVERDUE` is what is owed past its due date."""
    return await invoices.list_invoices(tx, actor.org_id, query, now=tx.now, filters=query.filters())


# Before `/invoices/{invoice_id}`, whose pattern would take the suffix as part of the id.
@routes.get("/invoices/{invoice_id}.pdf", response_class=Response, responses=PDF)
async def download(invoice_id: UUID, actor: Reader, tx: InReadTx) -> Response:
    """The invoice as its buyer sees it; the same bytes every time."""
    document = await documents.get(tx, actor.org_id, invoice_id)
    await tx.close()  # a document takes a while, and the connection is somebody else's meanwhile
    disposition = f'inline; filename="{document.filename}"'
    return Response(
        await render(document), media_type="application/pdf", headers={"content-disposition": disposition}
    )


@routes.get("/invoices/{invoice_id}", response_model=InvoiceOut)
async def read(invoice_id: UUID, actor: Reader, tx: InReadTx) -> Any:
    """One invoice with its lines."""
    return await invoices.show(tx, actor.org_id, invoice_id, tx.now)


@routes.post("/invoices", response_model=InvoiceOut, status_code=201)
async def create(_actor: Writer, body: NewBody, tx: InTx) -> Any:
    """Write a draft."""
    return await create_invoice(tx, body.wanted())


@routes.patch("/invoices/{invoice_id}", response_model=InvoiceOut)
async def change(invoice_id: UUID, _actor: Writer, body: PatchBody, tx: InTx) -> Any:
    """Change an invoice; of a locked one only the notes."""
    return await change_invoice(tx, invoice_id, body.wanted())


@routes.post("/invoices/{invoice_id}/send", response_model=InvoiceOut)
async def send(invoice_id: UUID, _actor: Issuer, buyer: CurrentBuyer, tx: InTx) -> Any:
    """Number the draft, fix its parties and send it to the buyer."""
    return await send_invoice(tx, invoice_id, buyer)


@routes.post("/invoices/{invoice_id}/unlock", response_model=InvoiceOut)
async def unlock(
    invoice_id: UUID, _actor: Unlocker, tx: InTx, body: Annotated[UnlockIn | None, Body()] = None
) -> Any:
    """Open a sent invoice for changes until `lockAt`."""
    return await unlock_invoice(tx, invoice_id, body.reason if body else None)


@routes.post("/invoices/{invoice_id}/void", response_model=InvoiceOut)
async def void(invoice_id: UUID, body: VoidIn, _actor: Voider, tx: InTx) -> Any:
    """Declare that a draft or a sent, unpaid invoice was never owed."""
    return await void_invoice(tx, invoice_id, body.reason)


@routes.get("/invoices/{invoice_id}/activity", response_model=listing(ActivityOut))
async def read_activity(
    invoice_id: UUID,
    query: Annotated[ActivityQuery, Depends(ActivityQuery.of)],
    actor: Reader,
    tx: InReadTx,
) -> PageRows | CursorRows:
    """Who did what to an invoice."""
    await invoices.show(tx, actor.org_id, invoice_id, tx.now)
    return await list_activity(tx, actor.org_id, Invoice.entity_type, invoice_id, query)
