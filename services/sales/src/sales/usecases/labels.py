"""What rows carry beside their own fields, as a client sent it and as it is kept."""

from chassis.tx import Tx
from sales.domain.custom_fields import FieldEntity
from sales.domain.rows import Values
from sales.usecases.custom_fields import changed_values, new_values
from sales.usecases.tags import tagged_values


async def labelled_new(tx: Tx, entity: FieldEntity, values: Values) -> Values:
    """What a client sent for a new row; Invalid for what its custom fields cannot be."""
    return await new_values(tx, entity, await tagged_values(tx, values))


async def labelled_changes(tx: Tx, entity: FieldEntity, values: Values) -> Values:
    """The same for a row that is there, asked before the row is held."""
    return await changed_values(tx, entity, await tagged_values(tx, values))
