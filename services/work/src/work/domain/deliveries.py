"""What winning a deal promises: one item that delivers it (design/events.md 5)."""

from datetime import date
from uuid import UUID

from work.domain.items import TITLE_LENGTH, NewItem

PREFIX = "Deliver: "
CUT = "…"


def delivery(*, deal_id: UUID, deal_title: str, company_id: UUID, due_date: date | None) -> NewItem:
    """The item that delivers a won deal; nobody is assigned yet."""
    title = PREFIX + deal_title
    if len(title) > TITLE_LENGTH:
        title = title[: TITLE_LENGTH - len(CUT)] + CUT
    return NewItem(title=title, due_date=due_date, company_id=company_id, deal_id=deal_id)
