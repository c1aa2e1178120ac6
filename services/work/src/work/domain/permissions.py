"""What a role may be allowed to do here."""

from enum import StrEnum


class Permission(StrEnum):
    """Permissions of work, `resource:verb`."""

    ITEMS_READ = "work-items:read"
    ITEMS_WRITE = "work-items:write"
    ITEMS_COMPLETE = "work-items:complete"
    ITEMS_REOPEN = "work-items:reopen"
