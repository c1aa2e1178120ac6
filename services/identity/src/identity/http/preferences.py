"""Doors about what one prefers."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response
from pydantic import AfterValidator, RootModel

from chassis.auth import Actor
from chassis.etag import etag
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from identity.domain.preferences import check_choices
from identity.store import preferences as store
from identity.usecases.preferences import replace_preferences

preferences = router("preferences")

Member = Annotated[Actor, Depends(Requires(None, feature="preferences"))]


class PreferencesIn(RootModel[Annotated[dict[str, Any], AfterValidator(check_choices)]]):
    """A JSON object, whatever the console wants to keep; at most 16 KiB."""


class PreferencesOut(RootModel[dict[str, Any]]):
    """The object as it was put; empty before that."""


@preferences.get("/settings/preferences", response_model=PreferencesOut)
async def read(actor: Member, tx: InReadTx, response: Response) -> dict[str, Any]:
    """One's own preferences in this organisation."""
    stored = await store.show(tx, actor.org_id, UUID(str(actor.id)))
    if stored is None:
        return {}
    response.headers["etag"] = etag(stored.version)
    choices: dict[str, Any] = stored.choices
    return choices


@preferences.put("/settings/preferences", response_model=PreferencesOut)
async def replace(body: PreferencesIn, actor: Member, tx: InTx, response: Response) -> dict[str, Any]:
    """Replace one's own preferences."""
    kept = await replace_preferences(tx, actor, body.root)
    response.headers["etag"] = etag(kept.version)
    return kept.choices
