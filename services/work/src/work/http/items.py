"""Doors of work items."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, Request

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.history import ActivityOut, ActivityQuery, list_activity
from chassis.http import router
from chassis.paging import CursorRows, PageRows, listing
from chassis.runtime import runtime_of
from clients.identity.client import IdentityClient
from clients.identity.copies import ensure_members, ensure_organisation
from clients.sales.client import SalesClient
from clients.sales.copies import ensure_companies, ensure_deals
from work.copies import COMPANIES, DEALS, MEMBERS, ORGANISATIONS
from work.domain.items import Status, WorkItem
from work.domain.permissions import Permission
from work.http.schemas import CompleteIn, ItemIn, ItemOut, ItemPatch, ItemQuery, Linking, TransitionIn
from work.store import items as store
from work.store import references
from work.usecases.items import change_item, create_item, reopen_item

items = router("workItems")

MayRead = Annotated[Actor, Depends(Requires(Permission.ITEMS_READ))]
MayWrite = Annotated[Actor, Depends(Requires(Permission.ITEMS_WRITE))]
MayComplete = Annotated[Actor, Depends(Requires(Permission.ITEMS_COMPLETE))]
MayReopen = Annotated[Actor, Depends(Requires(Permission.ITEMS_REOPEN))]


async def know(request: Request, actor: Actor, body: Linking) -> None:
    """Before the transaction: the copies that the body refers to, asked for where they are missing."""
    runtime, org_id = runtime_of(request.app), actor.org_id
    identity, sales = runtime.part(IdentityClient), runtime.part(SalesClient)
    async with runtime.source.reading(actor) as reading:
        missing = await references.list_missing(reading, org_id, body.links())
    if missing.org_id is not None:
        await ensure_organisation(ORGANISATIONS, runtime.source, identity, org_id)
    await ensure_members(MEMBERS, runtime.source, identity, org_id, [missing.assigned_to_user_id])
    await ensure_companies(COMPANIES, runtime.source, sales, org_id, [missing.company_id])
    await ensure_deals(DEALS, runtime.source, sales, org_id, [missing.deal_id])


async def know_for_new(request: Request, actor: MayWrite, body: ItemIn) -> None:
    """What a new item refers to."""
    await know(request, actor, body)


async def know_for_change(request: Request, actor: MayWrite, body: ItemPatch) -> None:
    """What a changed item refers to."""
    await know(request, actor, body)


@items.get("/work-items", response_model=listing(ItemOut))
async def search(
    actor: MayRead, query: Annotated[ItemQuery, Depends(ItemQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Work items, newest first unless another order is asked for."""
    return await store.list_items(tx, actor.org_id, query, query.filters(actor.id), tx.now)


@items.post("/work-items", response_model=ItemOut, status_code=201, dependencies=[Depends(know_for_new)])
async def create(body: ItemIn, _actor: MayWrite, tx: InTx) -> Any:
    """Promise something; the organisation's policies may require an owner and give a due date."""
    return await create_item(tx, body.wanted())


@items.get("/work-items/{item_id}", response_model=ItemOut)
async def read(item_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One work item."""
    return await store.show(tx, actor.org_id, item_id, tx.now)


@items.patch("/work-items/{item_id}", response_model=ItemOut, dependencies=[Depends(know_for_change)])
async def change(item_id: UUID, body: ItemPatch, _actor: MayWrite, tx: InTx) -> Any:
    """Change what is sent; null clears what may be empty."""
    return await change_item(tx, item_id, body.changes())


@items.post("/work-items/{item_id}/transition", response_model=ItemOut)
async def transition(item_id: UUID, body: TransitionIn, _actor: MayWrite, tx: InTx) -> Any:
    """Move the item to a status; to the one it has is no change. A DONE item is moved by reopening it."""
    return await change_item(tx, item_id, {"status": body.status})


@items.post("/work-items/{item_id}/complete", response_model=ItemOut)
async def complete(
    item_id: UUID,
    _actor: MayComplete,
    tx: InTx,
    _body: Annotated[CompleteIn | None, Body(title="Body")] = None,
) -> Any:
    """The item is done; completing it again is no change."""
    return await change_item(tx, item_id, {"status": Status.DONE})


@items.post("/work-items/{item_id}/reopen", response_model=ItemOut)
async def reopen(item_id: UUID, _actor: MayReopen, tx: InTx) -> Any:
    """A DONE item is to be done again."""
    return await reopen_item(tx, item_id)


@items.get("/work-items/{item_id}/activity", response_model=listing(ActivityOut))
async def read_activity(
    item_id: UUID, actor: MayRead, query: Annotated[ActivityQuery, Depends(ActivityQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Who did what to the item, newest first."""
    await store.show(tx, actor.org_id, item_id, tx.now)
    return await list_activity(tx, actor.org_id, WorkItem.entity_type, item_id, query)
