"""Door of the hygiene inbox."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import computed_field

from chassis.auth import Actor
from chassis.guards import InReadTx, Requires
from chassis.http import router
from chassis.money import Money
from chassis.paging import PageQuery
from chassis.schema import Instant, Out, Person
from reporting.domain.hygiene import Action, Issue, suggested_actions
from reporting.domain.permissions import READ_ELSEWHERE, Permission
from reporting.http.dashboard import CompanyOut
from reporting.http.pages import FreshCursorPage, FreshPage, fresh
from reporting.store import hygiene as store

hygiene = router("hygiene")

MayRead = Annotated[Actor, Depends(Requires(Permission.HYGIENE_READ))]

EntityType = Literal["WORK_ITEM", "INVOICE", "DEAL"]


class UntidyOut(Out):
    """An entity with all its issues; `owner` is a work item's assignee, `amount` a deal's value or what is owed."""

    entity_type: EntityType
    entity_id: UUID
    title: str
    issues: list[Issue]
    status: str
    due_date: date | None
    created_at: Instant
    owner: Person | None
    company: CompanyOut | None
    amount: str | None
    currency: str | None

    # The reference's clients know a row by its first issue, and some fields by these names.
    @computed_field  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def type(self) -> Issue:
        """The first of the issues."""
        return self.issues[0]

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def id(self) -> UUID:
        """The same as `entityId`."""
        return self.entity_id

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def assigned_to_user(self) -> Person | None:
        """The same as `owner`."""
        return self.owner

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def suggested_actions(self) -> list[Action]:
        """What can be done about the issues."""
        return suggested_actions(self.issues)


class HygieneQuery(PageQuery):
    """Without any of these the answer is a bare array."""

    sort_by: Literal["dueDate", "createdAt"] = "dueDate"
    sort_dir: Literal["asc", "desc"] = "asc"


@hygiene.get(
    "/hygiene/inbox", response_model=FreshPage[UntidyOut] | FreshCursorPage[UntidyOut] | list[UntidyOut]
)
async def inbox(
    actor: MayRead, query: Annotated[HygieneQuery, Depends(HygieneQuery.of)], tx: InReadTx
) -> Any:
    """What is untidy among the rows the reader may read: the first 200 as a bare array, or a page."""
    readable = [kind for kind, permission in READ_ELSEWHERE.items() if actor.may(permission)]
    if not query.model_fields_set:
        return _shown(await store.list_first(tx, actor.org_id, readable, tx.now))
    page = await store.list_page(tx, actor.org_id, query, readable, tx.now)
    return fresh(UntidyOut, page, _shown(page.items), tx.now)


def _shown(rows: Any) -> list[UntidyOut]:
    return [UntidyOut.model_validate(row._asdict() | {"amount": _amount(row)}) for row in rows]


def _amount(row: Any) -> str | None:
    return None if row.minor is None else str(Money(row.minor, row.currency))
