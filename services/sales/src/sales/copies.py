"""Sales' copies of what identity owns: people for names, organisations for zone, currency and policies."""

from chassis.replica import Replica
from clients.identity.copies import MemberCopy, OrganisationCopy
from clients.identity.types import Policies
from sales.domain.rows import Row

DEFAULT_POLICIES = Policies()


class KnownMember(Row, MemberCopy):
    """A person of the organisation."""

    __tablename__ = "known_member"


class KnownOrganisation(Row, OrganisationCopy):
    """The organisation itself."""

    __tablename__ = "known_organisation"


MEMBERS = Replica(KnownMember)
ORGANISATIONS = Replica(KnownOrganisation)
