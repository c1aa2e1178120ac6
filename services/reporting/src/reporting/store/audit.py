"""The audit chain: adding to its end, reading it in pages, walking along it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    String,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from reporting.domain.audit import (
    START,
    WRITTEN,
    AuditCheckpoint,
    AuditEntry,
    AuditHead,
    AuditSeal,
    Ends,
    Pruned,
)
from reporting.store.definitions import ORG_ID, ZONE, Shown

BATCH = 1000

ENTRIES: Any = AuditEntry.__table__
SEALS: Any = AuditSeal.__table__
ENTRY, HEAD, SEAL, CHECKPOINT = ENTRIES.c, AuditHead.__table__.c, SEALS.c, AuditCheckpoint.__table__.c


def _instant(name: str) -> Shown:
    return bindparam(name, type_=DateTime(timezone=True))


def _midnight(name: str, days_later: int = 0) -> Shown:
    """When a day begins in the organisation's zone."""
    day: Shown = bindparam(name, type_=Date())
    return func.timezone(ZONE, cast(day + literal_column(str(days_later)), DateTime))


FILTERS: Mapping[str, Shown] = {
    "actor_id": ENTRY.actor_id == bindparam("actor_id", type_=Uuid()),
    "entity_type": ENTRY.entity_type == bindparam("entity_type", type_=String()),
    "entity_id": ENTRY.entity_id == bindparam("entity_id", type_=Uuid()),
    "action": ENTRY.action == bindparam("action", type_=String()),
    "from_instant": ENTRY.at >= _instant("from_instant"),
    "from_day": ENTRY.at >= _midnight("from_day"),
    "to_instant": ENTRY.at <= _instant("to_instant"),
    "to_day": ENTRY.at < _midnight("to_day", days_later=1),
}
"""A day as the last one is in the range, whole, in the organisation's zone."""

_ACTOR = func.jsonb_build_object(
    literal_column("'id'"),
    ENTRY.actor_id,
    literal_column("'name'"),
    ENTRY.actor_name,
    literal_column("'email'"),
    ENTRY.actor_email,
    literal_column("'kind'"),
    ENTRY.actor_kind,
).label("actor")
_AS_OF = select(HEAD.recorded_at).where(HEAD.org_id == ORG_ID).scalar_subquery().label("as_of")
_SHOWN = select(
    *(column for column in ENTRY if column.name != "org_id" and not column.name.startswith("actor_")),
    _ACTOR,
    _AS_OF,
).where(ENTRY.org_id == ORG_ID)

LIST = ListQuery(
    _SHOWN,
    key=ENTRY.id,
    sorts={"createdAt": ENTRY.at, "at": ENTRY.at, "seq": ENTRY.seq, "action": ENTRY.action},
    filters=FILTERS,
)


async def list_entries(
    reader: Reader, org_id: UUID, query: PageQuery, filters: Mapping[str, Any]
) -> PageRows | CursorRows:
    """A page of the log in one statement; `filters` by the names of FILTERS, None where one does not apply."""
    return await LIST.page(reader, query, org_id=org_id, **filters)


_AFTER = ENTRY.seq > bindparam("after", type_=BigInteger())
_UNTIL = ENTRY.seq <= bindparam("until", type_=BigInteger())


@lru_cache(maxsize=256)
def _export(active: frozenset[str]) -> Lookup:
    chosen = select(*ENTRY).where(ENTRY.org_id == ORG_ID, _AFTER, *(FILTERS[name] for name in sorted(active)))
    return Lookup(chosen.order_by(ENTRY.seq).limit(BATCH))


async def next_entries(reader: Reader, org_id: UUID, after: int, filters: Mapping[str, Any]) -> Sequence[Any]:
    """At most BATCH entries behind a place of the chain, in its order; `filters` as in `list_entries`."""
    given = {name: value for name, value in filters.items() if value is not None}
    return await reader.rows(_export(frozenset(given)), org_id=org_id, after=after, **given)


_CHAIN = Lookup(
    select(*ENTRY, SEAL.hash.label("seal_hash"), SEAL.signature)
    .select_from(ENTRIES.outerjoin(SEALS, and_(SEAL.org_id == ENTRY.org_id, SEAL.seq == ENTRY.seq)))
    .where(ENTRY.org_id == ORG_ID, _AFTER, _UNTIL)
    .order_by(ENTRY.seq)
    .limit(BATCH)
)


async def next_links(reader: Reader, org_id: UUID, after: int, until: int) -> Sequence[Any]:
    """At most BATCH entries of the chain with their seals, in its order."""
    return await reader.rows(_CHAIN, org_id=org_id, after=after, until=until)


def _pruned(column: Shown, name: str) -> Shown:
    return select(column).where(CHECKPOINT.org_id == ORG_ID).scalar_subquery().label(name)


# tenantless: reads no table itself, each of its parts names org_id
_ENDS = Lookup(
    select(
        _pruned(CHECKPOINT.seq, "pruned_seq"),
        _pruned(CHECKPOINT.hash, "pruned_hash"),
        _pruned(CHECKPOINT.pruned_at, "pruned_at"),
        _pruned(CHECKPOINT.signature, "pruned_signature"),
        select(HEAD.seq).where(HEAD.org_id == ORG_ID).scalar_subquery().label("seq"),
        select(HEAD.hash).where(HEAD.org_id == ORG_ID).scalar_subquery().label("hash"),
        select(func.max(ENTRY.seq)).where(ENTRY.org_id == ORG_ID).scalar_subquery().label("last_seq"),
        select(func.max(SEAL.seq)).where(SEAL.org_id == ORG_ID).scalar_subquery().label("sealed_seq"),
    )
)


async def read_ends(reader: Reader, org_id: UUID) -> Ends:
    """Where the chain begins and ends, by each of those who know."""
    [row] = await reader.rows(_ENDS, org_id=org_id)
    pruned = Pruned()
    if row.pruned_seq is not None:
        pruned = Pruned(row.pruned_seq, row.pruned_hash, row.pruned_at, row.pruned_signature)
    return Ends(pruned, row.seq or 0, row.hash or START, row.last_seq or 0, row.sealed_seq or 0)


_COLUMNS = ", ".join(f'"{name}"' for name in WRITTEN)
_VALUES = ", ".join(f"%({name})s" for name in WRITTEN)
# One statement, so that the head's row is locked for as short as can be; `hash_of` says the same in Python.
_APPEND = f"""
    WITH head AS (
        UPDATE audit_head
        SET seq = seq + 1, hash = sha256(hash || int8send(seq + 1) || %(canonical)s), recorded_at = %(recorded_at)s
        WHERE org_id = %(org_id)s
        RETURNING seq, hash
    )
    INSERT INTO audit_entry (seq, hash, {_COLUMNS}) SELECT seq, hash, {_VALUES} FROM head
"""  # noqa: S608 - our own columns' names
_BEGIN = "INSERT INTO audit_head VALUES (%(org_id)s, 0, %(start)s, %(recorded_at)s) ON CONFLICT DO NOTHING"


async def append(session: AsyncSession, entry: Mapping[str, Any], said: bytes) -> None:
    """Add an entry, and its canonical form, at the end of its organisation's chain; it may be the first."""
    connection = await session.connection()
    appended = await connection.exec_driver_sql(_APPEND, {**entry, "canonical": said})
    if not appended.rowcount:
        await connection.exec_driver_sql(_BEGIN, {**entry, "start": START})
        await connection.exec_driver_sql(_APPEND, {**entry, "canonical": said})


async def list_unsealed(session: AsyncSession) -> Sequence[Any]:
    """The heads of all chains that have grown since their last seal; for the system role."""
    # tenantless: the job seals the chains of every organisation
    sealed = select(SEAL.org_id).where(SEAL.org_id == HEAD.org_id, SEAL.seq == HEAD.seq).exists()
    # tenantless: as above
    return (await session.execute(select(*HEAD).where(HEAD.seq > 0, ~sealed).order_by(HEAD.org_id))).all()


async def add_seal(session: AsyncSession, seal: Mapping[str, Any]) -> None:
    """Keep a seal; one that is here already stays as it is."""
    await session.execute(insert(SEALS).values(seal).on_conflict_do_nothing())
