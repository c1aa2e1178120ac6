"""What a role may be allowed to do here, and what of others' rows a report may show to whom."""

from enum import StrEnum


class Permission(StrEnum):
    """Permissions of reporting, `resource:verb`."""

    HEALTH_READ = "health-score:read"
    DASHBOARD_READ = "dashboard:read"
    HYGIENE_READ = "hygiene:read"
    JOBS_READ = "jobs:read"
    JOBS_RUN = "jobs:run"
    AUDIT_READ = "audit:read"
    AUDIT_EXPORT = "audit:export"


# Rights in a report are the rights in the app: the permission of the service that owns the rows of each type.
READ_ELSEWHERE = {
    "DEAL": "deals:read",
    "WORK_ITEM": "work-items:read",
    "INVOICE": "invoices:read",
}
