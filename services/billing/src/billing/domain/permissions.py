"""What a role may be allowed to do here."""

from enum import StrEnum


class Permission(StrEnum):
    """Permissions of billing, `resource:verb`."""

    INVOICES_READ = "invoices:read"
    INVOICES_WRITE = "invoices:write"
    INVOICES_SEND = "invoices:send"
    INVOICES_PAY = "invoices:pay"
    INVOICES_UNLOCK = "invoices:unlock"
    INVOICES_VOID = "invoices:void"
