"""Who may read what a notification is about: nobody is told of what they may not read (spec/first-release.md)."""

from collections.abc import Callable, Collection
from enum import StrEnum


class Entity(StrEnum):
    """What a notification or a mail can be about, by the API's token of the type."""

    COMPANY = "COMPANY"
    CONTACT = "CONTACT"
    LEAD = "LEAD"
    DEAL = "DEAL"
    WORK_ITEM = "WORK_ITEM"
    INVOICE = "INVOICE"
    USER = "USER"
    IMPORT = "IMPORT"


class Role(StrEnum):
    """The system roles; another one is of the organisation's own."""

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


SYSTEM = frozenset(role.value for role in Role)
READ_PERMISSION = {
    Entity.COMPANY: "companies:read",
    Entity.CONTACT: "contacts:read",
    Entity.LEAD: "leads:read",
    Entity.DEAL: "deals:read",
    Entity.WORK_ITEM: "work-items:read",
    Entity.INVOICE: "invoices:read",
    Entity.USER: "users:read",
    # Whoever may import anything may read companies; imports have no permission of their own to be read.
    Entity.IMPORT: "companies:read",
}
"""What an access token must hold to be shown notifications about an entity."""

LEADERS = frozenset({Role.OWNER, Role.ADMIN, Role.CEO, Role.DIRECTOR, Role.SALES_MANAGER})
READERS = {
    Entity.COMPANY: LEADERS | {Role.SALES, Role.FINANCE, Role.VIEWER},
    Entity.CONTACT: LEADERS | {Role.SALES, Role.VIEWER},
    Entity.LEAD: LEADERS | {Role.SALES, Role.VIEWER},
    Entity.DEAL: LEADERS | {Role.SALES, Role.FINANCE, Role.VIEWER},
    Entity.WORK_ITEM: LEADERS | {Role.SALES, Role.OPS, Role.VIEWER},
    Entity.INVOICE: LEADERS | {Role.SALES, Role.FINANCE},
    Entity.USER: LEADERS - {Role.SALES_MANAGER},
    Entity.IMPORT: LEADERS | {Role.SALES, Role.FINANCE, Role.VIEWER},
}
"""The system roles that hold the permission unless the organisation has changed them: facts come without tokens."""


def may_read(role: str, entity: Entity, permissions: Collection[str] | None = None) -> bool:
    """Whether a member with that role may read such an entity.

    `permissions` are what the organisation has made of the role; None for a system role as it always is.
    """
    return role in READERS[entity] if permissions is None else READ_PERMISSION[entity] in permissions


def readable(may: Callable[[str], bool]) -> list[str]:
    """The entities that somebody with these permissions may read."""
    return [entity.value for entity, permission in READ_PERMISSION.items() if may(permission)]
