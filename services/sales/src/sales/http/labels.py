"""What rows carry beside their own fields, at the doors: tags, values of custom fields, and who may see any of it."""

import re
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from chassis.auth import Actor
from chassis.guards import Requires
from chassis.schema import In, Line, absent
from sales.domain.custom_fields import KEY, MAX_FIELDS
from sales.domain.labels import READ
from sales.domain.tags import MAX_NAME, MAX_TAGS
from sales.http.knowing import OwnedIn

MayReadAny = Annotated[Actor, Depends(Requires(*READ.values()))]
"""Whoever may see rows of any kind."""


def _keyed(values: Any) -> Any:
    if isinstance(values, dict) and not all(
        isinstance(key, str) and re.fullmatch(KEY, key, re.ASCII) for key in values
    ):
        raise ValueError("names a field by what is no key")
    return values


CustomValues = Annotated[
    dict[str, Any],
    BeforeValidator(_keyed),
    Field(max_length=MAX_FIELDS, description="By key; null takes a value away, what is left out stays."),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": KEY},
            "additionalProperties": {
                "anyOf": [
                    {"type": ["string", "number", "boolean", "null"]},
                    {"type": "array", "items": {"type": "string"}},
                ]
            },
        }
    ),
]
"""Values of fields of the organisation's own; what each may be is said by its definition."""

TagName = Annotated[Line, StringConstraints(max_length=MAX_NAME)]
"""A tag's name: 1 to 50 characters."""


TagNames = Annotated[
    list[TagName],
    Field(max_length=MAX_TAGS, description="All tags of the row; new ones are added to the organisation's."),
]


class LabelledIn(OwnedIn):
    """A body that may name an owner, give values of custom fields, and say all tags."""

    custom_fields: CustomValues = absent()
    tags: TagNames = absent()


class TagsIn(In):
    """All tags of a row, by name."""

    tags: TagNames
