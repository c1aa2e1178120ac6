"""Copies of what identity owns: members and organisations, fed by its facts."""

from sqlalchemy import Index

from chassis.replica import Replica
from clients.identity.copies import MemberCopy, OrganisationCopy
from notifications.domain.rows import Row


class KnownMember(Row, MemberCopy):
    """A person of the organisation and their role."""

    __tablename__ = "known_member"
    __table_args__ = (Index("ix_known_member_role", "org_id", "role"),)


class KnownOrganisation(Row, OrganisationCopy):
    """The organisation, its language and its legal data."""

    __tablename__ = "known_organisation"


MEMBERS = Replica(KnownMember)
ORGANISATIONS = Replica(KnownOrganisation)
