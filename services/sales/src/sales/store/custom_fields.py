"""Custom fields in SQL: the definitions, the values that filters look for, and what is missing of a new row."""

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import ColumnElement, Text, bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import Invalid, NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from sales.domain.companies import Company
from sales.domain.contacts import Contact
from sales.domain.custom_fields import CustomField, FieldEntity, sought
from sales.domain.deals import Deal
from sales.domain.leads import Lead
from sales.domain.views import SavedView

FIELD = CustomField.__table__.c
CARRIERS: dict[str, type[Company | Contact | Lead | Deal]] = {
    FieldEntity.COMPANY: Company,
    FieldEntity.CONTACT: Contact,
    FieldEntity.LEAD: Lead,
    FieldEntity.DEAL: Deal,
}

_SHOWN = select(
    FIELD.id,
    FIELD.version,
    FIELD.entity,
    FIELD.key,
    FIELD.name,
    FIELD.type,
    FIELD.options,
    FIELD.required,
    FIELD.created_at,
    FIELD.updated_at,
).where(FIELD.org_id == bindparam("org_id"))
BY_ID = Lookup(_SHOWN.where(FIELD.id == bindparam("field_id")), row_type=CustomField, key="field_id")
LIST = ListQuery(
    _SHOWN,
    key=FIELD.id,
    sorts={"createdAt": FIELD.created_at, "name": func.lower(FIELD.name), "key": FIELD.key},
    filters={"entity": FIELD.entity == bindparam("entity")},
)
_OF = select(FIELD.key, FIELD.type, FIELD.options, FIELD.required).where(
    FIELD.org_id == bindparam("org_id"), FIELD.entity == bindparam("entity")
)
_SEEN = Lookup(_OF)
# None of them is deleted before the values that are written under it can be seen.
_HELD = Lookup(_OF.with_for_update(read=True, key_share=True))
_COUNT = Lookup(
    select(func.count().label("number")).where(
        FIELD.org_id == bindparam("org_id"), FIELD.entity == bindparam("entity")
    )
)


def missing(entity: FieldEntity, columns: Any) -> ColumnElement[Any]:
    """The keys of required fields that a row has no value for; null when it has them all."""
    keys = select(func.array_agg(FIELD.key)).where(
        FIELD.org_id == bindparam("org_id"),
        FIELD.entity == entity.value,
        FIELD.required,
        ~columns.custom_fields.has_key(FIELD.key),
    )
    return keys.correlate(columns.custom_fields.table).scalar_subquery().label("missing_fields")


def require(row: Any) -> Any:
    """The row; Invalid when a required field has no value (its `missing_fields`)."""
    if row.missing_fields:
        raise Invalid(
            fields=[{"field": f"customFields.{key}", "issues": ["is required"]} for key in row.missing_fields]
        )
    return row


async def list_fields(
    reader: Reader, org_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page."""
    return await LIST.page(reader, query, org_id=org_id, **filters)


async def show(reader: Reader, org_id: UUID, field_id: UUID) -> Any:
    """One definition as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, field_id=field_id)
    if not rows:
        raise NotFound("There is no such custom field.")
    return rows[0]


async def lock(session: AsyncSession, org_id: UUID, field_id: UUID) -> CustomField:
    """A definition to be changed; NotFound when it does not exist here."""
    wanted = select(CustomField).where(CustomField.org_id == org_id, CustomField.id == field_id)
    field = await session.scalar(wanted.with_for_update())
    if field is None:
        raise NotFound("There is no such custom field.")
    return field


async def count(reader: Reader, org_id: UUID, entity: str) -> int:
    """How many fields an entity has."""
    rows = await reader.rows(_COUNT, org_id=org_id, entity=entity)
    number: int = rows[0].number
    return number


async def hold(reader: Reader, org_id: UUID, entity: FieldEntity) -> dict[str, Any]:
    """The definitions of an entity by key; none of them is deleted before this transaction ends."""
    return {row.key: row for row in await reader.rows(_HELD, org_id=org_id, entity=entity)}


async def typed(reader: Reader, org_id: UUID, entity: FieldEntity, filters: dict[str, Any]) -> dict[str, Any]:
    """The filters of a list, those by custom fields (`custom`) as values that rows hold; Invalid for unknown ones."""
    given: dict[str, str] | None = filters.get("custom")
    others = {name: value for name, value in filters.items() if name != "custom"}
    if not given:
        return others
    fields = {row.key: row for row in await reader.rows(_SEEN, org_id=org_id, entity=entity)}
    problems: list[dict[str, Any]] = []
    wanted: dict[str, Any] = {}
    for key, value in given.items():
        try:
            wanted[key] = sought(fields[key], value)
        except KeyError:
            problems.append({"field": f"cf.{key}", "issues": ["is not a known field"]})
        except ValueError as refused:
            problems.append({"field": f"cf.{key}", "issues": [str(refused)]})
    if problems:
        raise Invalid(fields=problems)
    return others | {"custom_fields": Jsonb(wanted)}


async def take_off(session: AsyncSession, org_id: UUID, entity: str, key: str) -> None:
    """Remove the field's values from every row, and the filters by it from every view."""
    carrier = CARRIERS.get(entity)
    if carrier is None:
        return
    await session.execute(
        update(carrier)
        .where(carrier.org_id == org_id, carrier.custom_fields.has_key(key))
        .values(custom_fields=_without(carrier.custom_fields, key))
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(SavedView)
        .where(SavedView.org_id == org_id, SavedView.entity == entity, SavedView.filters.has_key(f"cf.{key}"))
        .values(filters=_without(SavedView.filters, f"cf.{key}"))
        .execution_options(synchronize_session=False)
    )


def _without(document: Any, key: str) -> Any:
    return document.op("-", return_type=JSONB())(literal(key, Text))
