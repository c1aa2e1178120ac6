"""The system roles and what each may do, worked out from the catalogue."""

from enum import StrEnum

from identity.domain.permissions import CATALOGUE


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


def permissions_of(role: Role) -> tuple[str, ...]:
    """Every permission of a role, in order of the catalogue."""
    return tuple(
        permitted.key
        for permitted in CATALOGUE
        if role in UNLIMITED or role in {LETTERS[letter] for letter in permitted.holders.split()}
    )


def scope_of(role: Role) -> str:
    """The `scope` claim of a role's tokens."""
    return "*" if role in UNLIMITED else " ".join(sorted(permissions_of(role)))


def may_assign(actor_role: str, *roles: str) -> bool:
    """Whether someone may give or take these roles: only owner and admin touch owner and admin (W15)."""
    return actor_role in UNLIMITED or UNLIMITED.isdisjoint(roles)
