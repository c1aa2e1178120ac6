"""Companies that look alike, in SQL: found by keys they share, kept as pairs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    SmallInteger,
    String,
    Uuid,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from chassis.rows import Instant
from sales.copies import KnownOrganisation
from sales.domain.companies import Company
from sales.domain.finding import CompanyKey, CompanyPair
from sales.store.embedded import COMPANY, ORGANISATION
from sales.store.search import ORG_ID, given

KEY, PAIR = CompanyKey.__table__.c, CompanyPair.__table__.c
A, B = Company.__table__.alias("a"), Company.__table__.alias("b")

MAX_ALIKE = 50
"""Companies that are compared for one key, the newest: a key that more of them share says little."""

_COMPANY_ID = bindparam("company_id", type_=Uuid)


def _keep_keys() -> Lookup:
    keys = given("keys", kind=String, value=String)
    # tenantless: of rows that name their tenant or came as a parameter
    keep = (
        insert(CompanyKey)
        .from_select(
            ["org_id", "company_id", "kind", "value"],
            select(ORG_ID, _COMPANY_ID, keys.c.kind, keys.c.value).select_from(keys),
        )
        .on_conflict_do_nothing()
    )
    is_still = exists().where(keys.c.kind == KEY.kind, keys.c.value == KEY.value)
    forget = delete(CompanyKey).where(KEY.org_id == ORG_ID, KEY.company_id == _COMPANY_ID, ~is_still)
    sharing = (
        select(KEY.company_id)
        .where(
            KEY.org_id == ORG_ID,
            KEY.kind == keys.c.kind,
            KEY.value == keys.c.value,
            KEY.company_id != _COMPANY_ID,
        )
        .order_by(KEY.company_id.desc())
        .limit(MAX_ALIKE)
        .correlate(keys)
        .lateral("sharing")
    )
    shared = (
        select(sharing.c.company_id, func.array_agg(keys.c.kind.distinct()).label("kinds"))
        .select_from(keys.join(sharing, true()))
        .group_by(sharing.c.company_id)
        .subquery("shared")
    )
    theirs = and_(COMPANY.org_id == ORG_ID, COMPANY.id == shared.c.company_id)
    # tenantless: the join names it
    return Lookup(
        select(COMPANY.id, COMPANY.name, COMPANY.address, COMPANY.vat_id, shared.c.kinds)
        .select_from(shared.join(Company.__table__, theirs))
        .where(COMPANY.archived_at.is_(None))
        .order_by(COMPANY.id)
        .add_cte(keep.cte("kept"), forget.cte("gone"))
    )


def _keep_pairs() -> Lookup:
    pairs = given("pairs", id=Uuid, a_id=Uuid, b_id=Uuid, score=SmallInteger, reasons=ARRAY(String))
    # tenantless: of rows that name their tenant or came as a parameter
    new = insert(CompanyPair).from_select(
        ["org_id", *pairs.c.keys(), "detected_at"],
        select(ORG_ID, *pairs.c, bindparam("now", type_=Instant)).select_from(pairs),
    )
    kept = (
        new.on_conflict_do_update(
            constraint="uq_company_pair",
            set_={"score": new.excluded.score, "reasons": new.excluded.reasons},
        )
        .returning(PAIR.a_id, PAIR.b_id, literal_column("(xmax = 0)").label("is_new"))
        .cte("kept")
    )
    is_still = exists().where(pairs.c.a_id == PAIR.a_id, pairs.c.b_id == PAIR.b_id)
    unlike = (
        update(CompanyPair)
        .where(PAIR.org_id == ORG_ID, or_(PAIR.a_id == _COMPANY_ID, PAIR.b_id == _COMPANY_ID), ~is_still)
        .values(score=0, reasons=cast("{}", ARRAY(String)))
    )
    return Lookup(select(kept.c.a_id, kept.c.b_id).where(kept.c.is_new).add_cte(unlike.cte("unlike")))


# Held by whoever has written companies of an organisation, until the end of the transaction.
_LOCK = func.hashtext("sales.duplicates"), func.hashtext(bindparam("of_org", type_=String))
_IS_ALONE = Lookup(select(func.pg_try_advisory_xact_lock(*_LOCK).label("is_alone")))
_UNTIL_ALONE = Lookup(select(func.pg_advisory_xact_lock(*_LOCK)))
_KEEP_KEYS, _KEEP_PAIRS = _keep_keys(), _keep_pairs()
_HOME = Lookup(
    select(ORGANISATION.legal["address"]["country"].astext.label("country"))
    .select_from(KnownOrganisation.__table__)
    .where(ORGANISATION.org_id == bindparam("org_id"))
)
LIST = ListQuery(
    select(PAIR.a_id, PAIR.b_id, PAIR.score, PAIR.reasons, PAIR.detected_at)
    .select_from(
        CompanyPair.__table__.join(A, and_(A.c.org_id == PAIR.org_id, A.c.id == PAIR.a_id)).join(
            B, and_(B.c.org_id == PAIR.org_id, B.c.id == PAIR.b_id)
        )
    )
    .where(PAIR.org_id == bindparam("org_id"), A.c.archived_at.is_(None), B.c.archived_at.is_(None)),
    key=PAIR.id,
    sorts={"score": PAIR.score, "detectedAt": PAIR.detected_at},
    filters={"min_score": PAIR.score >= bindparam("min_score", type_=SmallInteger)},
)


async def home_country(reader: Reader, org_id: UUID) -> str | None:
    """The country of the organisation's own address, where it is known."""
    rows = await reader.rows(_HOME, org_id=org_id)
    return rows[0].country if rows else None


async def is_alone(reader: Reader, org_id: UUID) -> bool:
    """Whether nobody else is writing companies of the organisation; until this transaction ends others are told no.

    A statement of its own, before the comparison: what others have committed by then is seen by it.
    """
    rows = await reader.rows(_IS_ALONE, of_org=str(org_id))
    is_alone: bool = rows[0].is_alone
    return is_alone


async def wait_until_alone(reader: Reader, org_id: UUID) -> None:
    """The same, once those who were first have finished."""
    await reader.rows(_UNTIL_ALONE, of_org=str(org_id))


async def keep_keys(
    reader: Reader, org_id: UUID, company_id: UUID, keys: Collection[tuple[str, str]]
) -> Rows:
    """A company has these keys from now on; the live ones that share any of them, and which kinds of keys."""
    shaped = [{"kind": kind, "value": value} for kind, value in sorted(keys)]
    return await reader.rows(
        _KEEP_KEYS, org_id=org_id, company_id=company_id, keys=orjson.dumps(shaped).decode()
    )


async def keep_pairs(
    reader: Reader, org_id: UUID, company_id: UUID, pairs: Sequence[Mapping[str, Any]], *, now: datetime
) -> Rows:
    """A company looks like the others of these pairs from now on, and like nobody else; the pairs that never did."""
    return await reader.rows(
        _KEEP_PAIRS, org_id=org_id, company_id=company_id, now=now, pairs=orjson.dumps(pairs).decode()
    )


async def list_pairs(reader: Reader, org_id: UUID, query: PageQuery, min_score: int) -> PageRows | CursorRows:
    """One page of pairs of live companies."""
    return await LIST.page(reader, query, org_id=org_id, min_score=min_score)
