"""What rows are found by, in SQL: written for any number of rows in one statement."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    SmallInteger,
    String,
    Uuid,
    and_,
    bindparam,
    column,
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
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.queries import Lookup, Reader
from sales.domain.companies import Company
from sales.domain.contacts import Contact
from sales.domain.deals import Deal
from sales.domain.finding import EntityType, SearchDocument, SearchWord
from sales.domain.leads import Lead
from sales.domain.words import Weight
from sales.store.search import DOCUMENT, ORG_ID, WORD, given

_ROWS: Mapping[EntityType, Any] = {
    EntityType.COMPANY: Company.__table__,
    EntityType.CONTACT: Contact.__table__,
    EntityType.LEAD: Lead.__table__,
    EntityType.DEAL: Deal.__table__,
}

_GIVEN_DOCUMENTS = given(
    "documents",
    entity_type=String,
    entity_id=Uuid,
    row_version=Integer,
    title=String,
    title_key=String,
    subtitle=String,
    company_id=Uuid,
)
_GIVEN_WORDS = given("words", entity_type=String, entity_id=Uuid, word=String, weight=SmallInteger)


def _keep() -> Lookup:
    documents, words = _GIVEN_DOCUMENTS.c, _GIVEN_WORDS.c
    # tenantless: of rows that name their tenant or came as a parameter
    new = insert(SearchDocument).from_select(
        ["org_id", *documents.keys()], select(ORG_ID, *documents).select_from(_GIVEN_DOCUMENTS)
    )
    shown = [name for name in documents.keys() if name not in {"entity_type", "entity_id"}]  # noqa: SIM118 - no dict
    keep_documents = new.on_conflict_do_update(
        constraint="pk_search_document", set_={name: new.excluded[name] for name in shown}
    )
    # tenantless: of rows that name their tenant or came as a parameter
    keep_words = (
        insert(SearchWord)
        .from_select(["org_id", *words.keys()], select(ORG_ID, *words).select_from(_GIVEN_WORDS))
        .on_conflict_do_nothing()
    )
    mine = DOCUMENT.entity_id == func.any(bindparam("entity_ids", type_=ARRAY(Uuid)))
    is_kept = exists().where(documents.entity_id == DOCUMENT.entity_id)
    forget_documents = delete(SearchDocument).where(DOCUMENT.org_id == ORG_ID, mine, ~is_kept)
    is_still = exists().where(
        *(words[name] == WORD[name] for name in ("entity_type", "entity_id", "word", "weight"))
    )
    forget_words = delete(SearchWord).where(
        WORD.org_id == ORG_ID,
        WORD.entity_id == func.any(bindparam("entity_ids", type_=ARRAY(Uuid))),
        ~is_still,
    )
    done: Select[Any] = select(literal_column("1"))
    return Lookup(
        done.add_cte(
            keep_documents.cte("kept_documents"),
            forget_documents.cte("gone_documents"),
            keep_words.cte("kept_words"),
            forget_words.cte("gone_words"),
        )
    )


def _rename() -> Lookup:
    """What belongs to a company is found by its new name and shown with it."""
    theirs = and_(DOCUMENT.org_id == ORG_ID, DOCUMENT.company_id == bindparam("company_id", type_=Uuid))
    # tenantless: the condition names it
    renamed = (
        update(SearchDocument)
        .where(theirs)
        .values(subtitle=bindparam("company_name", type_=String))
        .returning(DOCUMENT.entity_type, DOCUMENT.entity_id)
        .cte("renamed")
    )
    new = (
        func.unnest(bindparam("company_words", type_=ARRAY(String)))
        .table_valued(column("word", String), name="new")
        .render_derived()
    )
    is_still = WORD.word == func.any(bindparam("company_words", type_=ARRAY(String)))
    weight = int(Weight.COMPANY)
    # tenantless: the condition names it
    forget = delete(SearchWord).where(
        WORD.org_id == ORG_ID,
        WORD.weight == weight,
        WORD.entity_id.in_(select(DOCUMENT.entity_id).where(theirs)),
        ~is_still,
    )
    # tenantless: of rows that name their tenant or came as a parameter
    keep = (
        insert(SearchWord)
        .from_select(
            ["org_id", "entity_type", "entity_id", "word", "weight"],
            select(
                ORG_ID, renamed.c.entity_type, renamed.c.entity_id, new.c.word, literal_column(str(weight))
            ).select_from(renamed.join(new, true())),
        )
        .on_conflict_do_nothing()
    )
    return Lookup(select(literal_column("1")).add_cte(renamed, forget.cte("gone"), keep.cte("kept")))


_KEEP, _RENAME = _keep(), _rename()


def _behind(kind: EntityType) -> Any:
    """Live rows whose document is missing or older than they are."""
    rows = _ROWS[kind]
    theirs = and_(
        DOCUMENT.org_id == rows.c.org_id, DOCUMENT.entity_type == kind.value, DOCUMENT.entity_id == rows.c.id
    )
    is_behind = or_(DOCUMENT.entity_id.is_(None), DOCUMENT.row_version < rows.c.version)
    # tenantless: whoever asks says whose
    return (
        select(rows.c.id)
        .select_from(rows.outerjoin(SearchDocument.__table__, theirs))
        .where(rows.c.archived_at.is_(None), is_behind)
    )


_BEHIND = {
    kind: Lookup(
        _behind(kind)
        .where(_ROWS[kind].c.org_id == bindparam("org_id"), _ROWS[kind].c.id > bindparam("after", type_=Uuid))
        .order_by(_ROWS[kind].c.id)
        .limit(bindparam("row_limit", type_=Integer))
    )
    for kind in EntityType
}


async def keep(
    reader: Reader,
    org_id: UUID,
    entity_ids: Sequence[UUID],
    *,
    documents: Sequence[Mapping[str, Any]],
    words: Sequence[Mapping[str, Any]],
) -> None:
    """These rows are found by these documents and words from now on; one without a document no longer."""
    await reader.rows(
        _KEEP,
        org_id=org_id,
        entity_ids=list(entity_ids),
        documents=orjson.dumps(documents).decode(),
        words=orjson.dumps(words).decode(),
    )


async def rename(reader: Reader, org_id: UUID, company_id: UUID, name: str, words: Sequence[str]) -> None:
    """The contacts, leads and deals of a company are found by its new name."""
    await reader.rows(
        _RENAME, org_id=org_id, company_id=company_id, company_name=name, company_words=list(words)
    )


async def list_behind(
    reader: Reader, org_id: UUID, kind: EntityType, limit: int, *, after: UUID
) -> list[UUID]:
    """Live rows of a kind that cannot be found yet as they are now, in the order of their ids."""
    return [row.id for row in await reader.rows(_BEHIND[kind], org_id=org_id, row_limit=limit, after=after)]


async def list_organisations_behind(session: AsyncSession) -> Sequence[UUID]:
    """The organisations that have such rows; by the system role."""
    found: set[UUID] = set()
    for kind in EntityType:
        # tenantless: the job that finds them looks for all organisations at once and acts in each one's transaction
        behind = _behind(kind).with_only_columns(_ROWS[kind].c.org_id).distinct()
        found |= set(await session.scalars(behind))
    return sorted(found)
