"""A person's own inbox; nobody sees anybody else's."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends

from chassis.guards import InReadTx, InTx, SignedIn
from chassis.http import router
from chassis.paging import CursorRows, PageRows, listing
from chassis.queries import Rows
from notifications.http.shapes import InboxQuery, MarkedOut, NotificationOut, UnreadOut
from notifications.store import notifications as own
from notifications.usecases.notifications import mark_all_read, mark_read

notifications = router("notifications")


@notifications.get("/notifications", response_model=listing(NotificationOut))
async def search(
    query: Annotated[InboxQuery, Depends(InboxQuery.of)], actor: SignedIn, tx: InReadTx
) -> PageRows | CursorRows:
    """What you were told, newest first; `unread=true` leaves out what you have read, `false` what you have not."""
    return await own.list_own(tx, actor, query, unread=query.unread, type_key=query.type)


@notifications.get("/notifications/unread-count", response_model=UnreadOut)
async def count_unread(actor: SignedIn, tx: InReadTx) -> Any:
    """How many you have not read."""
    return await own.count_unread(tx, actor)


@notifications.get("/feed", response_model=list[NotificationOut])
async def feed(actor: SignedIn, tx: InReadTx) -> Rows:
    """The newest 30 that you have not read."""
    return await own.list_newest_unread(tx, actor)


@notifications.post("/notifications/read-all", response_model=MarkedOut)
async def read_all(actor: SignedIn, tx: InTx) -> dict[str, int]:
    """Mark everything as read; the answer says how many were not."""
    return {"marked": await mark_all_read(tx, actor)}


@notifications.post("/notifications/{notification_id}/read", response_model=NotificationOut)
async def read(notification_id: UUID, actor: SignedIn, tx: InTx) -> Any:
    """Mark one as read; doing so again changes nothing."""
    return await mark_read(tx, actor, notification_id)
