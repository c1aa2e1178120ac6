"""Saved views: how somebody wants to see a list, for themselves or for everybody."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate
from sales.domain.labels import Kind
from sales.domain.rows import Row
from sales.domain.tags import renamed

MAX_FILTERS = 50
MAX_COLUMNS = 50
TAG = "tag"
"""The filter by tags: a name, or a list of names."""


class SavedView(Row, Aggregate):
    """Filters as the list's query has them, an order, and columns for the console."""

    __tablename__ = "saved_view"
    __table_args__ = (
        CheckConstraint("entity IN ('company', 'contact', 'lead', 'deal')", name="entity"),
        Index("ix_saved_view_owner", "org_id", "owner_user_id", "created_at"),
        Index("ix_saved_view_shared", "org_id", "shared", "created_at"),
    )
    entity_type: ClassVar[str] = "VIEW"

    owner_user_id: Mapped[UUID]
    entity: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(255))
    filters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sort_by: Mapped[str | None] = mapped_column(String(64))
    sort_dir: Mapped[str | None] = mapped_column(String(4))
    columns: Mapped[list[str]] = mapped_column(JSONB)
    shared: Mapped[bool]

    def rename_tag(self, name: str, new_name: str | None) -> None:
        """The filter by tags goes on under the tag's new name, or without the tag where it is gone."""
        kept = self.filters[TAG]
        names = renamed(kept if isinstance(kept, list) else [kept], name, new_name)
        others = {key: value for key, value in self.filters.items() if key != TAG}
        self.filters = others | ({TAG: names if isinstance(kept, list) else names[0]} if names else {})

    @property
    def kind(self) -> Kind:
        """Of which rows it is a view."""
        return Kind(self.entity)
