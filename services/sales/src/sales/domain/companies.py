"""Companies: whom we sell to."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict
from chassis.rows import Aggregate
from sales.domain.rows import Archivable, Labelled, Row


class CompanyExists(Conflict):
    """A live company has that name, ignoring case."""

    reason = "COMPANY_EXISTS"


class CompanyMerged(Conflict):
    """A company that went into another one is as it was then; undoing the merge brings it back."""

    reason = "COMPANY_MERGED"


class Company(Row, Aggregate, Archivable, Labelled):
    """A customer or a prospect; the legal fields are the buyer's on invoices."""

    __tablename__ = "company"
    __table_args__ = (
        Index(
            "uq_company_name",
            "org_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("archived_at IS NULL"),
        ),
        Index("ix_company_created", "org_id", "created_at", "id"),
        Index("ix_company_industry", "org_id", text("lower(industry)")),
        Index("ix_company_owner", "org_id", "owner_user_id"),
        Index("ix_company_email", "org_id", text("lower(email)")),
        Index("ix_company_vat_id", "org_id", "vat_id"),
    )
    entity_type: ClassVar[str] = "COMPANY"

    name: Mapped[str] = mapped_column(String(255))
    industry: Mapped[str | None] = mapped_column(String(255))
    website: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(50))
    email: Mapped[str | None] = mapped_column(String(255))
    legal_name: Mapped[str | None] = mapped_column(String(255))
    vat_id: Mapped[str | None] = mapped_column(String(32))
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    owner_user_id: Mapped[UUID | None]
    merged_into_id: Mapped[UUID | None]

    def check_not_merged(self) -> None:
        """Raise CompanyMerged, which says where it went, when it has gone into another one."""
        if self.merged_into_id is not None:
            raise CompanyMerged(
                "The company has been merged into another one; undo the merge or change that one.",
                mergedIntoId=str(self.merged_into_id),
            )
