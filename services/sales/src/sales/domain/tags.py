"""Tags: the organisation's own words for its rows, each written in one way."""

from collections.abc import Iterable
from typing import Any, ClassVar

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict
from chassis.rows import Aggregate
from sales.domain.rows import Row

MAX_NAME = 50
MAX_TAGS = 50


class TagExists(Conflict):
    """There is a tag of that name, ignoring case."""

    reason = "TAG_EXISTS"


class Tag(Row, Aggregate):
    """A word and its colour; the rows that carry it hold its name."""

    __tablename__ = "tag"
    __table_args__ = (Index("uq_tag_name", "org_id", text("lower(name)"), unique=True),)
    entity_type: ClassVar[str] = "TAG"

    name: Mapped[str] = mapped_column(String(MAX_NAME))
    colour: Mapped[str | None] = mapped_column(String(7))


def renamed(names: Iterable[Any], name: str, new_name: str | None) -> list[Any]:
    """What names tags, with another name for one of them, ignoring case; without that one where there is none."""
    others = [new_name if str(each).lower() == name.lower() else each for each in names]
    return [each for each in others if each is not None]
