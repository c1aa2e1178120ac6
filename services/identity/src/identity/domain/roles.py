"""The system roles and what each may do, worked out from the catalogue."""

from enum import StrEnum
from functools import cache

from identity.domain.permissions import CATALOGUE, OWNERS_ALONE


class Role(StrEnum):
    """A role in one organisation, as answers and tokens show it."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    CEO = "CEO"
    DIRECTOR = "DIRECTOR"
    SALES_MANAGER = "SALES_MANAGER"
    SALES = "SALES"
    OPS = "OPS"
    FINANCE = "FINANCE"
    VIEWER = "VIEWER"
    CASHIER = "CASHIER"


LETTERS = {
    "C": Role.CEO,
    "D": Role.DIRECTOR,
    "M": Role.SALES_MANAGER,
    "S": Role.SALES,
    "P": Role.OPS,
    "F": Role.FINANCE,
    "V": Role.VIEWER,
    "K": Role.CASHIER,
}
UNLIMITED = frozenset({Role.OWNER, Role.ADMIN})
"""Who may do everything in their organisation, and whom only they may make or change."""


@cache
def permissions_of(role: Role) -> tuple[str, ...]:
    """Every permission of a role, in order of the catalogue."""
    return tuple(
        permitted.key
        for permitted in CATALOGUE
        if role is Role.OWNER
        or (role is Role.ADMIN and permitted.key not in OWNERS_ALONE)
        or role in {LETTERS[letter] for letter in permitted.holders.split()}
    )


def name_of(role: Role) -> str:
    """A system role as people read it."""
    return "CEO" if role is Role.CEO else role.replace("_", " ").capitalize()
