"""Doors about API keys."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import Field, StringConstraints

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import API, router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.routing import shows_once
from chassis.runtime import runtime_of
from chassis.schema import In, Instant, Out, Person, Text
from identity.domain.api_keys import DEFAULT_RATE, MAX_RATE
from identity.domain.permissions import Permission
from identity.http.guards import Desk
from identity.porter import Porter
from identity.store import api_keys as store
from identity.usecases.api_keys import FEATURE, Shown, Wish, create_key, revoke_key, rotate_key

api_keys = router("apiKeys")

MayRead = Annotated[Actor, Depends(Requires(Permission.API_KEYS_READ, feature=FEATURE))]
MayManage = Annotated[Actor, Depends(Requires(Permission.API_KEYS_MANAGE, feature=FEATURE))]
Scope = Annotated[Text, StringConstraints(min_length=3, max_length=80)]
OVERLAP_MINUTES, MAX_OVERLAP_MINUTES = 60, 7 * 24 * 60


async def _porter(request: Request) -> Porter:
    return runtime_of(request.app).part(Porter)


AtTheGate = Annotated[Porter, Depends(_porter)]


class ApiKeyIn(In):
    """A new key."""

    name: Annotated[Text, StringConstraints(min_length=1, max_length=80)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=100)] = Field(
        description="Permissions, or `resource:*`; only what one holds oneself."
    )
    expires_at: Instant | None = Field(
        None, description="At most 365 days ahead; in 90 days when it is left out."
    )
    rate_limit_per_hour: int = Field(DEFAULT_RATE, ge=1, le=MAX_RATE)

    def wish(self) -> Wish:
        """What is wanted, as the use case takes it."""
        return Wish(self.name, self.scopes, self.expires_at, self.rate_limit_per_hour)


class RotationIn(In):
    """How long the key that is replaced goes on opening what it did."""

    overlap_minutes: int = Field(OVERLAP_MINUTES, ge=0, le=MAX_OVERLAP_MINUTES)


class ApiKeyFacts(Out):
    """What everybody may know of a key who may see keys."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    name: str
    prefix: str
    last_four: str
    scopes: list[str]
    rate_limit_per_hour: int
    expires_at: Instant
    last_used_at: Instant | None = Field(description="Give or take five minutes.")
    revoked_at: Instant | None
    successor_id: UUID | None


class ApiKeyOut(ApiKeyFacts):
    """A key as it is read: never its text."""

    created_by: Person


class NewApiKeyOut(ApiKeyFacts):
    """A new key with its text."""

    token: str | None = Field(None, description="Shown this once; not in a replayed answer.")

    @classmethod
    def of(cls, shown: Shown) -> "NewApiKeyOut":
        """The answer for a new key."""
        return cls.model_validate(shown.key).model_copy(update={"token": shown.text})


class ApiKeyQuery(PageQuery):
    """Query parameters of the list of keys."""

    sort_by: Literal["createdAt", "name", "expiresAt"] = "createdAt"
    revoked: bool = Field(False, description="Also those that were revoked.")


@api_keys.get("/org/api-tokens", response_model=listing(ApiKeyOut))
async def search(
    query: Annotated[ApiKeyQuery, Depends(ApiKeyQuery.of)], actor: MayRead, tx: InReadTx
) -> PageRows | CursorRows:
    """The keys of the organisation, newest first."""
    return await store.list_page(tx, actor.org_id, query, is_revoked=None if query.revoked else False)


@api_keys.get("/org/api-tokens/{key_id}", response_model=ApiKeyOut)
async def read(key_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One key."""
    return await store.show(tx, actor.org_id, key_id)


@api_keys.post(
    "/org/api-tokens", response_model=NewApiKeyOut, status_code=201, openapi_extra=shows_once("token")
)
async def create(body: ApiKeyIn, actor: MayManage, desk: Desk, tx: InTx) -> NewApiKeyOut:
    """Make a key; its text is shown this once."""
    shown = await create_key(tx, actor, body.wish(), is_production=desk.settings.is_production)
    return NewApiKeyOut.of(shown)


@api_keys.post(
    "/org/api-tokens/{key_id}/rotate",
    response_model=NewApiKeyOut,
    status_code=201,
    openapi_extra=shows_once("token"),
)
async def rotate(
    key_id: UUID,
    actor: MayManage,
    *,
    desk: Desk,
    porter: AtTheGate,
    tx: InTx,
    response: Response,
    body: RotationIn | None = None,
) -> NewApiKeyOut:
    """Make the key that replaces another one, which lives on for a while."""
    overlap = timedelta(minutes=(body or RotationIn()).overlap_minutes)
    shown = await rotate_key(tx, actor, key_id, overlap, is_production=desk.settings.is_production)
    porter.watch(key_id)
    response.headers["location"] = f"{API}/org/api-tokens/{shown.key.id}"
    return NewApiKeyOut.of(shown)


@api_keys.delete("/org/api-tokens/{key_id}", status_code=204)
async def revoke(key_id: UUID, actor: MayManage, porter: AtTheGate, tx: InTx) -> None:
    """End a key at once."""
    await revoke_key(tx, actor, key_id)
    porter.watch(key_id)
