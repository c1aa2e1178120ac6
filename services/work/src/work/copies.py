"""Copies of what others own: members, organisations, companies and deals, fed by their facts."""

from chassis.replica import Replica
from clients.identity.copies import MemberCopy, OrganisationCopy
from clients.sales.copies import CompanyCopy, DealCopy
from work.domain.rows import Row


class KnownMember(Row, MemberCopy):
    """A person of the organisation."""

    __tablename__ = "known_member"


class KnownOrganisation(Row, OrganisationCopy):
    """The organisation, its time zone and its policies."""

    __tablename__ = "known_organisation"


class KnownCompany(Row, CompanyCopy):
    """A company that work is done for."""

    __tablename__ = "known_company"


class KnownDeal(Row, DealCopy):
    """A deal that work belongs to."""

    __tablename__ = "known_deal"


MEMBERS = Replica(KnownMember)
ORGANISATIONS = Replica(KnownOrganisation)
COMPANIES = Replica(KnownCompany)
DEALS = Replica(KnownDeal)
