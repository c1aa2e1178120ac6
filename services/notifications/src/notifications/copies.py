"""Copies of what identity owns: members, roles and organisations, fed by its facts."""

from sqlalchemy import Index

from chassis.replica import Replica
from clients.identity.copies import MemberCopy, OrganisationCopy, RoleCopy
from notifications.domain.rows import Row


class KnownMember(Row, MemberCopy):
    """A person of the organisation and their role."""

    __tablename__ = "known_member"
    __table_args__ = (Index("ix_known_member_role", "org_id", "role"),)


class KnownRole(Row, RoleCopy):
    """A role of the organisation's own, or a system role as it has changed it, and what it may do."""

    __tablename__ = "known_role"
    __table_args__ = (Index("ix_known_role_key", "org_id", "key"),)


class KnownOrganisation(Row, OrganisationCopy):
    """The organisation, its language and its legal data."""

    __tablename__ = "known_organisation"


MEMBERS = Replica(KnownMember)
ROLES = Replica(KnownRole)
ORGANISATIONS = Replica(KnownOrganisation)
