"""Copies of what others own: members, organisations, companies and deals, fed by their facts."""

from sqlalchemy import Index

from billing.domain.invoices import Invoice, Status
from billing.domain.rows import Row
from chassis.replica import Replica
from clients.identity.copies import MemberCopy, OrganisationCopy
from clients.sales.copies import CompanyCopy, DealCopy
from clients.sales.merges import Followers, MergeCopy, MoveCopy


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


class KnownMerge(Row, MergeCopy):
    """A company that went into another one."""

    __tablename__ = "known_merge"
    __table_args__ = (Index("ix_known_merge_merged", "org_id", "merged_id"),)


class CompanyMove(Row, MoveCopy):
    """A draft that merges have brought to another company."""

    __tablename__ = "company_move"


MEMBERS = Replica(KnownMember)
ORGANISATIONS = Replica(KnownOrganisation)
COMPANIES = Replica(KnownCompany)
DEALS = Replica(KnownDeal)
FOLLOWERS = Followers(Invoice, KnownMerge, CompanyMove, Invoice.status == Status.DRAFT)
"""A sent invoice has the buyer it was sent to; only drafts follow."""
