"""Public forms in SQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from sales.domain.forms import LeadForm

FORM = LeadForm.__table__.c

_SHOWN = select(
    FORM.id,
    FORM.version,
    FORM.name,
    func.json_build_object(
        *(literal_column("'source'"), FORM.source),
        *(literal_column("'ownerUserId'"), FORM.owner_user_id),
        *(literal_column("'tags'"), FORM.tags),
    ).label("defaults"),
    FORM.created_at,
    FORM.updated_at,
).where(FORM.org_id == bindparam("org_id"))
BY_ID = Lookup(_SHOWN.where(FORM.id == bindparam("form_id")), row_type=LeadForm, key="form_id")
# Of any organisation: for the system role, which then acts in the one that is found.
_BY_DIGEST = Lookup(
    select(FORM.org_id, FORM.id, FORM.source, FORM.owner_user_id, FORM.tags).where(
        FORM.digest == bindparam("digest")
    )
)
LIST = ListQuery(_SHOWN, key=FORM.id, sorts={"createdAt": FORM.created_at, "name": func.lower(FORM.name)})


async def list_forms(reader: Reader, org_id: UUID, query: PageQuery) -> PageRows | CursorRows:
    """One page."""
    return await LIST.page(reader, query, org_id=org_id)


async def show(reader: Reader, org_id: UUID, form_id: UUID) -> Any:
    """One form as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, form_id=form_id)
    if not rows:
        raise NotFound("There is no such form.")
    return rows[0]


async def find_by_digest(reader: Reader, digest: bytes) -> Any:
    """The form of a token, in whichever organisation; None when there is none."""
    rows = await reader.rows(_BY_DIGEST, digest=digest)
    return rows[0] if rows else None


async def lock(session: AsyncSession, org_id: UUID, form_id: UUID) -> LeadForm:
    """A form to be changed; NotFound when it does not exist here."""
    wanted = select(LeadForm).where(LeadForm.org_id == org_id, LeadForm.id == form_id).with_for_update()
    form = await session.scalar(wanted)
    if form is None:
        raise NotFound("There is no such form.")
    return form


async def lock_tagged(session: AsyncSession, org_id: UUID) -> Sequence[LeadForm]:
    """The forms whose leads are tagged, to be changed."""
    wanted = select(LeadForm).where(LeadForm.org_id == org_id, func.cardinality(LeadForm.tags) > 0)
    return (await session.scalars(wanted.order_by(LeadForm.id).with_for_update())).all()
