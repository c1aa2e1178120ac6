"""Before a transaction: what a body refers to in identity is known here, or asked for (architecture.md 2)."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import Depends, Request

from chassis.guards import ACTOR_KEY
from chassis.runtime import runtime_of
from chassis.schema import In
from clients.identity.client import IdentityClient
from clients.identity.copies import ensure_members, ensure_organisation
from sales.copies import MEMBERS, ORGANISATIONS


class OwnedIn(In):
    """A body that may name an owner."""

    owner_user_id: UUID | None = None


def owner_known(shape: type[OwnedIn]) -> Any:
    """The body, once its owner is known here; stands after the actor and before the transaction."""

    async def know(request: Request, body: Any) -> Any:
        await know_people(request, body.owner_user_id)
        return body

    return _taking(shape, know)


def terms_known(shape: type[OwnedIn]) -> Any:
    """The same for deals, which follow the organisation's currency and policies."""

    async def know(request: Request, body: Any) -> Any:
        await know_organisation(request)
        await know_people(request, body.owner_user_id)
        return body

    return _taking(shape, know)


async def know_people(request: Request, *user_ids: UUID | None) -> None:
    """Make sure that these members are known here; DependencyUnavailable when identity must say and does not."""
    runtime, org_id = runtime_of(request.app), request.scope[ACTOR_KEY].org_id
    await ensure_members(MEMBERS, runtime.source, runtime.part(IdentityClient), org_id, list(user_ids))


async def know_organisation(request: Request) -> None:
    """Make sure that the organisation is known here; DependencyUnavailable when identity must say and does not."""
    runtime, org_id = runtime_of(request.app), request.scope[ACTOR_KEY].org_id
    await ensure_organisation(ORGANISATIONS, runtime.source, runtime.part(IdentityClient), org_id)


def _taking(shape: type[OwnedIn], know: Callable[[Request, Any], Awaitable[Any]]) -> Any:
    know.__annotations__["body"] = shape  # what FastAPI reads the body as
    return Depends(know)
