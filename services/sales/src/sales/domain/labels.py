"""What can carry notes, tags and fields of one's own: the rows of sales, each by its names on the wire."""

from collections.abc import Callable
from enum import StrEnum

from sales.domain.permissions import Permission


class Kind(StrEnum):
    """A kind of row, as bodies name it."""

    COMPANY = "company"
    CONTACT = "contact"
    LEAD = "lead"
    DEAL = "deal"

    @property
    def entity_type(self) -> str:
        """The token of activity and facts."""
        return self.value.upper()

    @property
    def read(self) -> Permission:
        """Who may see such rows, and write notes on them."""
        return READ[self]


READ = {
    Kind.COMPANY: Permission.COMPANIES_READ,
    Kind.CONTACT: Permission.CONTACTS_READ,
    Kind.LEAD: Permission.LEADS_READ,
    Kind.DEAL: Permission.DEALS_READ,
}
"""Reading any of these opens the doors of what belongs to all of them."""


def readable(may: Callable[[str], bool]) -> list[Kind]:
    """The kinds that somebody with these permissions may see."""
    return [kind for kind, permission in READ.items() if may(permission)]
