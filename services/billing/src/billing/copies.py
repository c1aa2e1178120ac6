"""Copies of what others own: members, organisations, companies and deals, fed by their facts."""

from billing.domain.rows import Row
from chassis.replica import Replica
from clients.identity.copies import MemberCopy, OrganisationCopy
from clients.sales.copies import CompanyCopy, DealCopy


class KnownMember(Row, MemberCopy):
    """A person of the organisation."""

    __tablename__ = "known_member"


class KnownOrganisation(Row, OrganisationCopy):
    """The organisation: seller data, time zone, currency and policies."""

    __tablename__ = "known_organisation"


class KnownCompany(Row, CompanyCopy):
    """A company that may owe us something."""

    __tablename__ = "known_company"


class KnownDeal(Row, DealCopy):
    """A deal that an invoice may be for."""

    __tablename__ = "known_deal"


MEMBERS = Replica(KnownMember)
ORGANISATIONS = Replica(KnownOrganisation)
COMPANIES = Replica(KnownCompany)
DEALS = Replica(KnownDeal)
