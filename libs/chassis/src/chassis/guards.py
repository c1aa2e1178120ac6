"""What a door asks for in its signature: the actor with a permission, a transaction, a reading."""

import hashlib
from typing import Annotated

from fastapi import Depends, Request

from chassis.auth import Actor, ActorKind
from chassis.context import current_work
from chassis.errors import Denied, NotFound, Unauthenticated
from chassis.etag import parse_if_match
from chassis.hosts import PLATFORM, tenant_slug
from chassis.idempotency import Answer, IdempotencyKeyRequired, claim
from chassis.runtime import Runtime, runtime_of
from chassis.tx import Reading, Source, Tx

ACTOR_KEY = "execos.actor"
TX_KEY = "execos.tx"
READING_KEY = "execos.reading"
DIGEST_KEY = "execos.digest"
"""Where the door of an upload leaves the digest of what was sent, before its transaction."""
BEARER = "bearer "


class Replayed(Exception):
    """The idempotency key already has an answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Requires:
    """Dependency: the actor of the request, refused unless the token is valid and holds the permission.

    Any of `others` will do as well: at a door of what belongs to several kinds of rows.
    """

    def __init__(
        self,
        permission: str | None,
        *others: str,
        feature: str | None = None,
        needs_second_factor: bool = True,
    ) -> None:
        self.permission = permission
        self.others = others
        self.feature = feature
        self._needs_second_factor = needs_second_factor

    async def __call__(self, request: Request) -> Actor:
        """The actor; Unauthenticated or Denied otherwise."""
        runtime = runtime_of(request.app)
        actor = await authenticate(request, runtime)
        work = current_work()
        rules = await runtime.tenants.check(
            actor, work.ip if work else None, needs_second_factor=self._needs_second_factor
        )
        rules.check_feature(self.feature)
        if self.permission is None and actor.kind is not ActorKind.USER:
            raise Denied("This is for people; an API key has no account.")
        if self.permission is not None and not any(map(actor.may, (self.permission, *self.others))):
            raise Denied("Your role does not allow this.", permission=self.permission)
        return actor


async def authenticate(request: Request, runtime: Runtime) -> Actor:
    """The actor of the request's access token; Unauthenticated when there is none that holds."""
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(BEARER):
        raise Unauthenticated("An access token is required.")
    actor = await runtime.verifier.verify(header[len(BEARER) :].strip())
    slug = tenant_slug(request, runtime.platform.root_domain)
    if slug == PLATFORM:
        raise NotFound("There is nothing at this address.")
    if slug not in {None, actor.org_slug}:
        raise Unauthenticated("This access token is not for the organisation of this host.")
    request.scope[ACTOR_KEY] = actor
    work = current_work()
    if work is not None:
        work.org_id, work.actor_id = actor.org_id, actor.id
    return actor


SignedIn = Annotated[Actor, Depends(Requires(None))]
"""Any signed-in person; an API key is refused, whatever it may do."""
Arriving = Annotated[Actor, Depends(Requires(None, needs_second_factor=False))]
"""The same, also before the second factor that the organisation requires: for what leads there, and out again."""


async def in_tx(request: Request) -> Tx:
    """The transaction of a command; it begins with its first statement and the route commits it."""
    return await open_tx(request, runtime_of(request.app).source)


async def in_keyed_tx(request: Request) -> Tx:
    """The same for a command that moves money: an Idempotency-Key is required."""
    return await open_tx(request, runtime_of(request.app).source, is_key_required=True)


async def in_read_tx(request: Request) -> Reading:
    """A read-only transaction; it begins with its first query."""
    reading = Reading(runtime_of(request.app).source, request.scope[ACTOR_KEY])
    request.scope[READING_KEY] = reading
    return reading


InTx = Annotated[Tx, Depends(in_tx)]
InKeyedTx = Annotated[Tx, Depends(in_keyed_tx)]
InReadTx = Annotated[Reading, Depends(in_read_tx)]


async def open_tx(request: Request, source: Source, *, is_key_required: bool = False) -> Tx:
    """A command's transaction from `source`, which the route commits; Replayed when its key has an answer."""
    # The actor is resolved first: every guarded door names it before its transaction.
    actor: Actor = request.scope[ACTOR_KEY]
    if_match = parse_if_match(request.headers.getlist("if-match"))
    tx = Tx(source, actor, if_match=if_match)
    request.scope[TX_KEY] = tx
    key = request.headers.get("idempotency-key")
    if key is None and is_key_required:
        raise IdempotencyKeyRequired("Send an Idempotency-Key header: this operation moves money.")
    if key is not None and request.method == "POST":
        digest = request.scope.get(DIGEST_KEY) or hashlib.sha256(await request.body()).digest()
        claimed = await claim(tx, method=request.method, route=request.scope["path"], key=key, digest=digest)
        if isinstance(claimed, Answer):
            raise Replayed(claimed)
        tx.claim = claimed
    return tx
