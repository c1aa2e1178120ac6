"""Search in SQL: words are ranges of one index that begins with the organisation (docs/decisions/0025)."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Integer,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    false,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from chassis.queries import Lookup, Reader, Rows
from sales.domain.finding import SearchDocument, SearchWord
from sales.domain.words import Wanted, Weight, beyond

DOCUMENT, WORD = SearchDocument.__table__.c, SearchWord.__table__.c
ORG_ID = bindparam("org_id", type_=Uuid)

MAX_MATCHES = 4_000
"""Rows that are looked at for one word, of several the rarest: one letter must not cost more than it is worth."""
MAX_RANKED = 200
"""The newest matches, those by title first, whose documents are read."""


def given(name: str, **columns: Any) -> Any:
    """The rows of a parameter that is a JSON array."""
    shape = [column(each, kind) for each, kind in columns.items()]
    rows = func.jsonb_to_recordset(bindparam(name, type_=JSONB)).table_valued(*shape, name=f"given_{name}")
    return rows.render_derived(with_types=True)


_TYPED = (
    func.unnest(bindparam("lows", type_=ARRAY(String)), bindparam("highs", type_=ARRAY(String)))
    .table_valued(column("low", String), column("high", String), name="typed")
    .render_derived()
)
_IS_WANTED = func.any(bindparam("types", type_=ARRAY(String)))


def _hits(typed: Any, *columns: Any) -> Any:
    """Words that begin like a typed one."""
    return (
        select(*columns)
        .where(
            WORD.org_id == ORG_ID,
            WORD.word >= typed.c.low,
            WORD.word < typed.c.high,
            WORD.entity_type == _IS_WANTED,
        )
        .order_by(WORD.word)  # what is exactly the typed word comes first
        .limit(MAX_MATCHES)
        .correlate(typed)
    )


def _matches(typed: Any) -> Any:
    """The rows that hold one typed word, where it weighs most, and whether it is a whole word there."""
    hits = _hits(typed, WORD.entity_type, WORD.entity_id, WORD.weight, WORD.word).lateral("hits")
    # tenantless: of rows that name their tenant or came as a parameter
    return (
        select(
            func.min(hits.c.entity_type).label("entity_type"),
            hits.c.entity_id,
            (func.min(hits.c.weight) == int(Weight.TITLE)).label("in_title"),
            func.bool_or(hits.c.word == typed.c.low).label("is_exact"),
        )
        .select_from(typed.join(hits, true()))
        .group_by(hits.c.entity_id)
    )


def _rarest() -> Any:
    """The typed word that the fewest rows hold."""
    counted = _hits(_TYPED, literal_column("1")).subquery("counted")
    size = select(func.count()).select_from(counted).scalar_subquery()
    # tenantless: of rows that name their tenant or came as a parameter
    return select(_TYPED.c.low, _TYPED.c.high).order_by(size).limit(1).cte("rarest")


def _held(*, is_single: bool) -> Any:
    """The newest rows that hold every typed word, those that hold all in their title first.

    Of a single one, or the ways to write it: those that hold exactly that before all others.
    """
    matches = _matches(_TYPED if is_single else _rarest()).subquery("matches")
    if is_single:
        rows = select(*matches.c).order_by(matches.c.is_exact.desc(), matches.c.in_title.desc())
    else:
        place = (
            select(func.min(WORD.weight).label("weight"))
            .where(
                WORD.org_id == ORG_ID,
                WORD.entity_id == matches.c.entity_id,
                WORD.word >= _TYPED.c.low,
                WORD.word < _TYPED.c.high,
            )
            .correlate(matches, _TYPED)
            .lateral("place")
        )
        held = (
            select(func.count(place.c.weight).label("words"), func.max(place.c.weight).label("weight"))
            .select_from(_TYPED.join(place, true()))
            .correlate(matches)
            .lateral("held")
        )
        in_title = held.c.weight == int(Weight.TITLE)
        # tenantless: of rows that name their tenant or came as a parameter
        rows = (
            select(
                matches.c.entity_type,
                matches.c.entity_id,
                in_title.label("in_title"),
                false().label("is_exact"),
            )
            .select_from(matches.join(held, true()))
            .where(held.c.words == func.cardinality(bindparam("lows", type_=ARRAY(String))))
            .order_by(in_title.desc())
        )
    return rows.order_by(matches.c.entity_id.desc()).limit(MAX_RANKED).subquery("newest")


def _find(*, is_single: bool) -> Lookup:
    """Rows that hold every word or whose title begins like what was typed; the best first, then the newest."""
    newest = _held(is_single=is_single)
    titled = (
        select(DOCUMENT.entity_type, DOCUMENT.entity_id, true().label("in_title"), false().label("is_exact"))
        .where(
            DOCUMENT.org_id == ORG_ID,
            DOCUMENT.title_key >= bindparam("title_low", type_=String),
            DOCUMENT.title_key < bindparam("title_high", type_=String),
            DOCUMENT.entity_type == _IS_WANTED,
        )
        .order_by(DOCUMENT.title_key)
        .limit(MAX_RANKED)
        .subquery("titled")
    )
    both = union_all(select(newest), select(titled)).subquery("both")
    found = (
        select(
            both.c.entity_type,
            both.c.entity_id,
            func.bool_or(both.c.in_title).label("in_title"),
            func.bool_or(both.c.is_exact).label("is_exact"),
        )
        .group_by(both.c.entity_type, both.c.entity_id)
        .subquery("found")
    )
    key, low = DOCUMENT.title_key, bindparam("title_low", type_=String)
    is_it = and_(found.c.is_exact, bindparam("is_address", type_=Boolean))
    score = case(
        (key == low, 100), (is_it, 95), (func.starts_with(key, low), 90), (found.c.in_title, 70), else_=40
    ).label("score")
    return Lookup(
        select(DOCUMENT.entity_type, DOCUMENT.entity_id, DOCUMENT.title, DOCUMENT.subtitle, score)
        .select_from(
            found.join(
                SearchDocument.__table__,
                and_(
                    DOCUMENT.org_id == ORG_ID,
                    DOCUMENT.entity_type == found.c.entity_type,
                    DOCUMENT.entity_id == found.c.entity_id,
                ),
            )
        )
        .order_by(score.desc(), DOCUMENT.entity_id.desc())
        .limit(bindparam("row_limit", type_=Integer))
    )


FIND_WORD, FIND_WORDS = _find(is_single=True), _find(is_single=False)


def parameters(
    org_id: UUID, wanted: Wanted, *, title: str, types: Collection[str], limit: int
) -> dict[str, Any]:
    """The parameters of FIND_WORD and FIND_WORDS."""
    return {
        "org_id": org_id,
        "lows": wanted.words,
        "highs": [beyond(word) for word in wanted.words],
        "is_address": wanted.is_address,
        "title_low": title,
        "title_high": beyond(title),
        "types": list(types),
        "row_limit": limit,
    }


async def find(
    reader: Reader, org_id: UUID, wanted: Wanted, *, title: str, types: Collection[str], limit: int
) -> Rows:
    """The best rows of these types that hold what is wanted, or whose title begins like what was typed."""
    return await reader.rows(
        FIND_WORD if wanted.is_number or len(wanted.words) == 1 else FIND_WORDS,
        **parameters(org_id, wanted, title=title, types=types, limit=limit),
    )
