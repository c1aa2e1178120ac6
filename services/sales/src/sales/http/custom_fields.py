"""Doors of custom fields: what the organisation's rows have besides what all have."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import Field, StringConstraints

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import In, Instant, Line, Out, Text, absent
from sales.domain.custom_fields import KEY, MAX_OPTION, MAX_OPTIONS, FieldEntity, FieldType
from sales.domain.permissions import Permission
from sales.http.labels import MayReadAny
from sales.store import custom_fields as store
from sales.usecases.custom_fields import change_field, define_field, delete_field

custom_fields = router("customFields")

MayManage = Annotated[Actor, Depends(Requires(Permission.CUSTOM_FIELDS_MANAGE))]
Options = Annotated[
    list[Annotated[Text, StringConstraints(min_length=1, max_length=MAX_OPTION)]],
    Field(min_length=1, max_length=MAX_OPTIONS),
]


class CustomFieldIn(In):
    """A new field; its key is unique for the entity."""

    entity: FieldEntity = Field(description="`workItem` is for work, which does not show such fields yet.")
    key: Annotated[str, StringConstraints(pattern=KEY)]
    name: Line
    type: FieldType
    options: Options | None = Field(None, description="For the types select and multi.")
    required: bool = Field(default=False, description="Whether a new row must have a value.")


class CustomFieldPatch(In):
    """What to change; entity, key and type stay."""

    name: Line = absent()
    options: Options = absent()
    required: bool = absent()


class CustomFieldOut(Out):
    """A field of the organisation's own."""

    id: UUID
    entity: FieldEntity
    key: str
    name: str
    type: FieldType
    options: list[str] | None
    required: bool
    version: int
    created_at: Instant
    updated_at: Instant


class CustomFieldsQuery(PageQuery):
    """Query parameters of the list of custom fields."""

    sort_by: Literal["createdAt", "name", "key"] = "createdAt"
    sort_dir: Literal["asc", "desc"] = "asc"
    entity: FieldEntity | None = None


@custom_fields.get("/custom-fields", response_model=listing(CustomFieldOut))
async def search(
    actor: MayReadAny, query: Annotated[CustomFieldsQuery, Depends(CustomFieldsQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """The fields of an entity, or of all, in the order in which they were defined."""
    return await store.list_fields(tx, actor.org_id, query, {"entity": query.entity})


@custom_fields.post("/custom-fields", response_model=CustomFieldOut, status_code=201)
async def create(_actor: MayManage, body: CustomFieldIn, tx: InTx) -> Any:
    """A new field."""
    return await define_field(tx, body.changes())


@custom_fields.get("/custom-fields/{field_id}", response_model=CustomFieldOut)
async def read(field_id: UUID, actor: MayReadAny, tx: InReadTx) -> Any:
    """One field."""
    return await store.show(tx, actor.org_id, field_id)


@custom_fields.patch("/custom-fields/{field_id}", response_model=CustomFieldOut)
async def change(field_id: UUID, _actor: MayManage, body: CustomFieldPatch, tx: InTx) -> Any:
    """Another name, other options, required or not; values that are there stay."""
    return await change_field(tx, field_id, body.changes())


@custom_fields.delete("/custom-fields/{field_id}", status_code=204)
async def delete(field_id: UUID, _actor: MayManage, tx: InTx) -> None:
    """The field is gone, and so are its values."""
    await delete_field(tx, field_id)
