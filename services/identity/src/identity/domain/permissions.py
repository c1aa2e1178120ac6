"""What can be permitted: identity's own permissions, and the catalogue of all contexts with who holds each."""

from enum import StrEnum
from typing import NamedTuple


class Permission(StrEnum):
    """What identity's own doors ask for."""

    USERS_READ = "users:read"
    USERS_MANAGE = "users:manage"
    MEMBERS_READ = "members:read"
    DIRECTORY_READ = "directory:read"
    POLICIES_READ = "policies:read"
    POLICIES_MANAGE = "policies:manage"
    ORGANISATION_READ = "organisation:read"
    ORGANISATION_MANAGE = "organisation:manage"
    ORGANISATIONS_CREATE = "organisations:create"
    MODULES_READ = "modules:read"
    MODULES_MANAGE = "modules:manage"
    ROLES_READ = "roles:read"
    ROLES_MANAGE = "roles:manage"
    OWNERSHIP_MANAGE = "ownership:manage"
    API_KEYS_READ = "api-keys:read"
    API_KEYS_MANAGE = "api-keys:manage"


class Permitted(NamedTuple):
    """One line of the catalogue; `holders` are the letters of spec/first-release.md.

    Owner and admin hold everything, but for what is the owner's alone.
    """

    key: str
    context: str
    description: str
    holders: str


# C ceo · D director · M sales_manager · S sales · P ops · F finance · V viewer · K cashier
CATALOGUE = (
    Permitted("users:read", "identity", "See the people of the organisation", "C D"),
    Permitted("users:manage", "identity", "Invite, change, suspend and restore people", "C"),
    Permitted("members:read", "identity", "See the members of the organisation", "C D"),
    Permitted("directory:read", "identity", "Pick people by name", "C D M P"),
    Permitted("policies:read", "identity", "See the policies", "C"),
    Permitted("policies:manage", "identity", "Change the policies", "C"),
    Permitted("organisation:read", "identity", "See the organisation and its legal profile", "C"),
    Permitted("organisation:manage", "identity", "Change the organisation and its legal profile", "C"),
    Permitted("organisations:create", "identity", "Found another organisation", "C D M S P F V"),
    Permitted("modules:read", "identity", "See which modules and features are on", "C"),
    Permitted("modules:manage", "identity", "Switch modules and features on and off", "C"),
    Permitted("roles:read", "identity", "See the roles and why somebody may do something", "C"),
    Permitted("roles:manage", "identity", "Define roles and change what system roles may do", ""),
    Permitted("ownership:manage", "identity", "Transfer or delete the organisation", ""),
    Permitted("api-keys:read", "identity", "See the API keys", "C"),
    Permitted("api-keys:manage", "identity", "Make, rotate and revoke API keys", "C"),
    Permitted("companies:read", "sales", "See companies", "C D M S F V"),
    Permitted("companies:write", "sales", "Create, change, archive and restore companies", "D M S"),
    Permitted("contacts:read", "sales", "See contacts", "C D M S V"),
    Permitted("contacts:write", "sales", "Create, change, archive and restore contacts", "D M S"),
    Permitted("leads:read", "sales", "See leads", "C D M S V"),
    Permitted("leads:write", "sales", "Create, change, qualify, disqualify and reopen leads", "D M S"),
    Permitted("leads:convert", "sales", "Convert leads to deals", "D M S"),
    Permitted("deals:read", "sales", "See deals", "C D M S F V"),
    Permitted("deals:write", "sales", "Create and change deals", "D M S"),
    Permitted("deals:win", "sales", "Mark deals as won", "D M S"),
    Permitted("deals:lose", "sales", "Mark deals as lost", "D M S"),
    Permitted("deals:reopen", "sales", "Reopen won and lost deals", "D M S"),
    Permitted("timeline:read", "sales", "See the timeline of a deal", "C D M S P F V"),
    Permitted("companies:merge", "sales", "Merge companies and undo it", "M"),
    Permitted("companies:import", "sales", "Import companies from a file", "M"),
    Permitted("companies:export", "sales", "Export companies", "M"),
    Permitted("companies:batch", "sales", "Change many companies at once", "M"),
    Permitted("contacts:import", "sales", "Import contacts from a file", "M"),
    Permitted("contacts:export", "sales", "Export contacts", "M"),
    Permitted("contacts:batch", "sales", "Change many contacts at once", "M"),
    Permitted("leads:import", "sales", "Import leads from a file", "M"),
    Permitted("leads:export", "sales", "Export leads", "M"),
    Permitted("leads:batch", "sales", "Change many leads at once", "M"),
    Permitted("deals:import", "sales", "Import deals from a file", "M"),
    Permitted("deals:export", "sales", "Export deals", "M"),
    Permitted("deals:batch", "sales", "Change many deals at once", "M"),
    Permitted("pipelines:manage", "sales", "Define pipelines and their stages", "D M"),
    Permitted("notes:manage", "sales", "Change and delete the notes of others", "D M"),
    Permitted("tags:manage", "sales", "Rename, recolour and delete tags", "D M"),
    Permitted("custom-fields:manage", "sales", "Define fields of one's own", "D M"),
    Permitted("views:share", "sales", "Share saved views with everybody", "D M"),
    Permitted("forms:manage", "sales", "Make public forms for leads", "D M"),
    Permitted("work-items:read", "work", "See work items", "C D M S P V"),
    Permitted("work-items:write", "work", "Create, change and move work items", "D P"),
    Permitted("work-items:complete", "work", "Complete work items", "D P"),
    Permitted("work-items:reopen", "work", "Reopen completed work items", "D P"),
    Permitted("invoices:read", "billing", "See invoices and payments", "C D M S F"),
    Permitted("invoices:write", "billing", "Create and change invoices", "F"),
    Permitted("invoices:send", "billing", "Send invoices", "F"),
    Permitted("invoices:pay", "billing", "Record payments", "F"),
    Permitted("invoices:unlock", "billing", "Unlock sent invoices", "F"),
    Permitted("invoices:void", "billing", "Void invoices", "F"),
    Permitted("health-score:read", "reporting", "See the health score", "C D"),
    Permitted("dashboard:read", "reporting", "See the dashboard", "C D"),
    Permitted("hygiene:read", "reporting", "See the hygiene inbox", "C D P"),
    Permitted("jobs:read", "reporting", "See background jobs", ""),
    Permitted("jobs:run", "reporting", "Start background jobs", ""),
    Permitted("audit:read", "reporting", "Read and verify the audit log", "C D"),
    Permitted("audit:export", "reporting", "Export the audit log", "C D"),
)

KNOWN = frozenset(permitted.key for permitted in CATALOGUE)
OWNERS_ALONE = frozenset({Permission.OWNERSHIP_MANAGE.value})
"""What no wildcard, no override and no role of one's own can give: it comes with being the owner."""
ADMINISTERING = frozenset(
    permitted.key
    for permitted in CATALOGUE
    if permitted.context == "identity" and permitted.key.endswith(":manage")
)
"""What administers the organisation: policy `requireSecondFactor: admins` is about whoever may do any of it."""
SENSITIVE = ADMINISTERING | {permitted.key for permitted in CATALOGUE if not permitted.holders}
"""What only owner and admin hold, and what administers the organisation: never given by way of a role alone."""
