"""The permissions of sales; identity decides which role holds them."""

from enum import StrEnum


class Permission(StrEnum):
    """Resource and verb, as in the token's scope."""

    COMPANIES_READ = "companies:read"
    COMPANIES_WRITE = "companies:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    LEADS_READ = "leads:read"
    LEADS_WRITE = "leads:write"
    LEADS_CONVERT = "leads:convert"
    DEALS_READ = "deals:read"
    DEALS_WRITE = "deals:write"
    DEALS_WIN = "deals:win"
    DEALS_LOSE = "deals:lose"
    DEALS_REOPEN = "deals:reopen"
    TIMELINE_READ = "timeline:read"
