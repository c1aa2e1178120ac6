"""Companies in SQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import String, Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import BadRequest, NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from sales.domain.companies import Company
from sales.domain.custom_fields import FieldEntity
from sales.store.custom_fields import missing, require, typed
from sales.store.embedded import COMPANY, OWNER, contains, created_filters, label_filters, with_owner


def _last_survivor() -> Any:
    """The company that a merged one has gone into, at the end of all merges since; nothing of one that has not."""
    org_id, company_id = bindparam("org_id", type_=Uuid), bindparam("company_id", type_=Uuid)
    columns = (COMPANY.id, COMPANY.merged_into_id)
    way = (
        select(*columns).where(COMPANY.org_id == org_id, COMPANY.id == company_id).cte("way", recursive=True)
    )
    onward = select(*columns).join(way, way.c.merged_into_id == COMPANY.id).where(COMPANY.org_id == org_id)
    ways = way.union(onward)
    # tenantless: of rows that name their tenant
    return select(ways.c.id).where(ways.c.merged_into_id.is_(None), ways.c.id != company_id)


_SHOWN = (
    select(
        COMPANY.id,
        COMPANY.version,
        COMPANY.name,
        COMPANY.industry,
        COMPANY.website,
        COMPANY.phone,
        COMPANY.email,
        COMPANY.legal_name,
        COMPANY.vat_id,
        COMPANY.address,
        COMPANY.owner_user_id,
        OWNER,
        COMPANY.tags,
        COMPANY.custom_fields,
        COMPANY.merged_into_id,
        COMPANY.archived_at,
        COMPANY.created_at,
        COMPANY.updated_at,
    )
    .select_from(with_owner(Company.__table__, COMPANY))
    .where(COMPANY.org_id == bindparam("org_id"))
)
BY_ID = Lookup(_SHOWN.where(COMPANY.id == bindparam("company_id")), row_type=Company, key="company_id")
_BORN = Lookup(
    _SHOWN.add_columns(missing(FieldEntity.COMPANY, COMPANY)).where(COMPANY.id == bindparam("company_id")),
    row_type=Company,
    key="company_id",
)
_BY_IDS = Lookup(_SHOWN.where(COMPANY.id == func.any(bindparam("company_ids"))).order_by(COMPANY.id))
_BY_NAME = Lookup(
    _SHOWN.where(
        func.lower(COMPANY.name) == func.lower(bindparam("name", type_=String)), COMPANY.archived_at.is_(None)
    )
)
# Held as it is: what refers to a company must not miss that it is renamed, archived or merged at the same time.
_LIVE = Lookup(
    select(COMPANY.id)
    .where(
        COMPANY.org_id == bindparam("org_id"),
        COMPANY.id == bindparam("company_id"),
        COMPANY.archived_at.is_(None),
    )
    .with_for_update(read=True, key_share=True)
)
_SURVIVOR = Lookup(_last_survivor())
LIST = ListQuery(
    _SHOWN,
    key=COMPANY.id,
    sorts={
        "createdAt": COMPANY.created_at,
        "name": func.lower(COMPANY.name),
        "industry": func.lower(COMPANY.industry),
    },
    filters={
        "live": COMPANY.archived_at.is_(None),
        "owner_user_id": COMPANY.owner_user_id == bindparam("owner_user_id"),
        "q": contains(COMPANY.name, COMPANY.legal_name, COMPANY.email),
        **created_filters(COMPANY.created_at),
        **label_filters(COMPANY),
    },
)


async def list_companies(
    reader: Reader, org_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page."""
    wanted = await typed(reader, org_id, FieldEntity.COMPANY, filters)
    return await LIST.page(reader, query, org_id=org_id, **wanted)


async def show(reader: Reader, org_id: UUID, company_id: UUID) -> Any:
    """One company as it is answered; NotFound when it does not exist here."""
    return _only(await reader.rows(BY_ID, org_id=org_id, company_id=company_id))


async def show_new(reader: Reader, org_id: UUID, company_id: UUID) -> Any:
    """A company that has just been added; Invalid when a required custom field has no value."""
    return require((await reader.rows(_BORN, org_id=org_id, company_id=company_id))[0])


async def show_named(reader: Reader, org_id: UUID, name: str) -> Any:
    """The live company of a name, ignoring case; NotFound when there is none."""
    return _only(await reader.rows(_BY_NAME, org_id=org_id, name=name))


async def show_each(reader: Reader, org_id: UUID, company_ids: list[UUID]) -> Rows:
    """Companies by id; unknown ids are left out."""
    return await reader.rows(_BY_IDS, org_id=org_id, company_ids=company_ids)


async def lock(session: AsyncSession, org_id: UUID, company_id: UUID) -> Company:
    """A company to be changed; NotFound when it does not exist here."""
    wanted = select(Company).where(Company.org_id == org_id, Company.id == company_id).with_for_update()
    company = await session.scalar(wanted)
    if company is None:
        raise NotFound("There is no such company.")
    return company


async def require_live(reader: Reader, org_id: UUID, company_id: UUID | None) -> None:
    """BadRequest unless it is none or a live company; it names the one that a merged company has gone into."""
    if company_id is None or await reader.rows(_LIVE, org_id=org_id, company_id=company_id):
        return
    survivors = await reader.rows(_SURVIVOR, org_id=org_id, company_id=company_id)
    if survivors:
        survivor_id = str(survivors[0].id)
        raise BadRequest(
            "The company has been merged into another one.", field="companyId", mergedIntoId=survivor_id
        )
    raise BadRequest("There is no such company, or it is archived.", field="companyId")


def _only(rows: Rows) -> Any:
    if not rows:
        raise NotFound("There is no such company.")
    return rows[0]
