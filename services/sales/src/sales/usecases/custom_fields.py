"""What can be done with custom fields: defining them, and making sure that values are what they must be."""

from typing import Any
from uuid import UUID

from chassis.errors import Invalid
from chassis.tx import Tx
from sales.domain.custom_fields import (
    MAX_FIELDS,
    CustomField,
    FieldEntity,
    TooManyFields,
    check_options,
    fitting,
    kept,
)
from sales.domain.rows import CUSTOM, Values, assign, newborn
from sales.store import custom_fields


async def define_field(tx: Tx, values: Values) -> Any:
    """A new field of an entity; FieldExists when it has one of that key."""
    check_options(values["type"], values.get("options"))
    org_id = tx.actor.org_id
    if await custom_fields.count(tx, org_id, values["entity"]) >= MAX_FIELDS:
        raise TooManyFields("There are too many fields already.", limit=MAX_FIELDS)
    field = CustomField(**newborn(org_id, tx.now) | {"options": None, "required": False} | dict(values))
    tx.add(field)
    tx.record(field, "CREATE")
    return await custom_fields.show(tx, org_id, field.id)


async def change_field(tx: Tx, field_id: UUID, values: Values) -> Any:
    """Another name, other options, required or not; values that rows have already stay as they are."""
    field = await custom_fields.lock(tx.session, tx.actor.org_id, field_id)
    tx.expect(field)
    if "options" in values:
        check_options(field.type, values["options"])
    assign(field, values)
    tx.record(field, "UPDATE")
    return await custom_fields.show(tx, field.org_id, field_id)


async def delete_field(tx: Tx, field_id: UUID) -> None:
    """Gone with all its values."""
    field = await custom_fields.lock(tx.session, tx.actor.org_id, field_id)
    tx.expect(field)
    await custom_fields.take_off(tx.session, field.org_id, field.entity, field.key)
    tx.record(field, "DELETE")
    await tx.session.delete(field)


async def new_values(tx: Tx, entity: FieldEntity, values: Values) -> Values:
    """What a client sent for a new row, its custom fields as they are kept; Invalid for what they cannot be.

    Whether all required ones are there is asked with the new row itself, which costs nothing.
    """
    if CUSTOM not in values:
        return values
    given = {key: value for key, value in values[CUSTOM].items() if value is not None}
    return {**values, CUSTOM: await _kept(tx, entity, given)}


async def changed_values(tx: Tx, entity: FieldEntity, values: Values) -> Values:
    """The same for a row that is there, null for a field whose value is taken away.

    The definitions are held before the row, as who deletes one does: else they could wait for each other.
    """
    return {**values, CUSTOM: await _kept(tx, entity, values[CUSTOM])} if CUSTOM in values else values


async def values_for(tx: Tx, entity: FieldEntity, values: Values) -> dict[str, Any]:
    """Those values of another kind of row that the fields of the same keys can have here."""
    return fitting(await custom_fields.hold(tx, tx.actor.org_id, entity), values) if values else {}


async def _kept(tx: Tx, entity: FieldEntity, given: Values) -> dict[str, Any]:
    fields = await custom_fields.hold(tx, tx.actor.org_id, entity) if given else {}
    problems: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for key, value in given.items():
        try:
            found[key] = _value(fields.get(key), value)
        except ValueError as refused:
            problems.append({"field": f"customFields.{key}", "issues": [str(refused)]})
    if problems:
        raise Invalid(fields=problems)
    return found


def _value(field: Any, value: Any) -> Any:
    if field is None:
        raise ValueError("is not a known field")
    if value is None and field.required:
        raise ValueError("is required")
    return None if value is None else kept(field, value)
