"""Idempotency keys: one effect and one answer per key, committed together (design/api.md 2)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger, and_, bindparam, func, select

from chassis.errors import AppError, Invalid, Kind, RequestInFlight
from chassis.queries import Lookup
from chassis.rows import idempotency
from chassis.tx import Tx

MAX_KEY_LENGTH = 255


class IdempotencyKeyReused(AppError):
    """The key was used for another request."""

    kind = Kind.UNPROCESSABLE
    reason = "IDEMPOTENCY_KEY_REUSED"


class IdempotencyKeyRequired(AppError):
    """This operation moves money and must carry a key."""

    kind = Kind.INVALID
    reason = "IDEMPOTENCY_KEY_REQUIRED"


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer: status, the headers worth repeating, body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that this transaction has taken: organisation, principal, method, route, key and the request's hash."""

    identity: dict[str, Any]
    request_hash: bytes

    def row(self, now: datetime, answer: Answer) -> dict[str, Any]:
        """The row that remembers the answer, to be committed with its effect."""
        return self.identity | {
            "request_hash": self.request_hash,
            "status": answer.status,
            "headers": Jsonb(answer.headers),
            "body": answer.body,
            "created_at": now,
        }


def check_key(key: str) -> str:
    """The key if it is 1 to 255 printable ASCII characters; Invalid otherwise."""
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not all(
        "!" <= character <= "~" or character == " " for character in key
    ):
        raise Invalid.field("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    return key


async def claim(tx: Tx, *, method: str, route: str, key: str, digest: bytes) -> Claim | Answer:
    """Take the key for this transaction, or return the answer it already has; `digest` is the SHA-256 of the body.

    Raises RequestInFlight while a twin holds it and IdempotencyKeyReused when the body differs.
    """
    identity = {
        "org_id": tx.actor.org_id,
        "principal": tx.actor.id,
        "method": method,
        "route": route,
        "key": check_key(key),
    }
    row = (await tx.rows(_CLAIM, lock_key=_lock_key(identity), **identity))[0]
    if not row.is_free:
        raise RequestInFlight
    if row.status is None:
        return Claim(identity, digest)
    if row.request_hash != digest:
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request.")
    return Answer(row.status, row.headers, row.body)


def _lock_key(identity: Mapping[str, Any]) -> int:
    name = "\x1f".join(str(part) for part in identity.values())
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _claim_statement() -> Lookup:
    # Lock and look in one round trip. A twin that commits between this statement's snapshot and its lock is not seen
    # here; then the primary key refuses our answer at the end, and everything we did with it.
    columns = idempotency.c
    names = ("org_id", "principal", "method", "route", "key")
    lock = select(
        func.pg_try_advisory_xact_lock(bindparam("lock_key", type_=BigInteger)).label("is_free")
    ).subquery()
    return Lookup(
        select(
            lock.c.is_free, columns.request_hash, columns.status, columns.headers, columns.body
        ).select_from(
            lock.outerjoin(idempotency, and_(*(columns[name] == bindparam(name) for name in names)))
        )
    )


_CLAIM = _claim_statement()
