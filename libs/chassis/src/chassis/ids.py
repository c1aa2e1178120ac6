"""Identifiers: UUID version 7, made by the service that owns the row (RFC 9562)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new time-ordered UUID; two calls never return the same value."""
    return uuid7()
