"""Doors about one's own sessions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import Request

from chassis.guards import READING_KEY, Arriving
from chassis.http import router
from chassis.schema import Instant, Out
from chassis.tx import Reading
from identity.domain.sessions import EndReason
from identity.http.guards import Desk, InSystemTx
from identity.store import sessions as store
from identity.usecases.sessions import end_others, end_own, own_id

sessions = router("sessions")


class SessionOut(Out):
    """One sign-in; `device` is what the browser said of itself, `expires_at` when it ends unless it is used."""

    id: UUID
    version: int
    current: bool
    device: str | None
    ip: str | None
    created_at: Instant
    last_used_at: Instant
    expires_at: Instant


class SessionsOut(Out):
    """All of one's sessions, the one used last first."""

    items: list[SessionOut]


@sessions.get("/auth/sessions", name="list", response_model=SessionsOut)
async def search(request: Request, actor: Arriving, desk: Desk) -> dict[str, Any]:
    """One's own sessions that can still be used."""
    reading = request.scope[READING_KEY] = Reading(desk.source, actor)
    rows: Sequence[Any] = await store.list_running(reading, own_id(actor), reading.now)
    return {"items": [row._asdict() | {"current": str(row.id) == actor.session_id} for row in rows]}


@sessions.delete("/auth/sessions/{session_id}", name="end", status_code=204)
async def end(session_id: UUID, actor: Arriving, tx: InSystemTx) -> None:
    """End one of one's own sessions."""
    await end_own(tx, actor, session_id)


@sessions.delete("/auth/sessions", name="endOthers", status_code=204)
async def end_all_others(actor: Arriving, tx: InSystemTx) -> None:
    """End all of one's sessions but this one."""
    await end_others(tx, actor, EndReason.ENDED)
