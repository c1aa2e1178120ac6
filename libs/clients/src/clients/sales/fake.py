"""Sales for tests of other services: the same answers from memory, and it can be away."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.errors import DependencyUnavailable, NotFound
from chassis.ids import new_id
from clients.sales.types import Buyer, Company, Deal

MADE_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
MADE = {"created_at": MADE_AT, "updated_at": MADE_AT}


@dataclass
class FakeSales:
    """In-memory sales; set `is_away` to make every question fail as a dead peer does."""

    known_companies: dict[tuple[UUID, UUID], Company] = field(default_factory=dict)
    known_deals: dict[tuple[UUID, UUID], Deal] = field(default_factory=dict)
    primary_emails: dict[UUID, str] = field(default_factory=dict)
    is_away: bool = False
    questions: int = 0

    def add_company(self, org_id: UUID, company_id: UUID | None = None, **values: Any) -> Company:
        """A company with defaults; `contact_email` is its primary contact's address."""
        company_id = company_id or new_id()
        contact_email = values.pop("contact_email", None)
        if contact_email:
            self.primary_emails[company_id] = contact_email
        plain: dict[str, Any] = {"version": 1, "name": f"Company {company_id.hex[-6:]}"} | MADE
        company = Company(org_id=org_id, id=company_id, **plain | values)
        self.known_companies[org_id, company_id] = company
        return company

    def add_deal(
        self, org_id: UUID, company: Company | None = None, deal_id: UUID | None = None, **values: Any
    ) -> Deal:
        """A deal with defaults, of this company or a new one."""
        company = company or self.add_company(org_id)
        deal_id = deal_id or new_id()
        plain: dict[str, Any] = {"version": 1, "title": f"Deal {deal_id.hex[-6:]}", "stage": "OPEN"} | MADE
        buyer = {"company_id": company.id, "company_name": company.name, "last_activity_at": MADE_AT}
        deal = Deal(org_id=org_id, id=deal_id, **plain | buyer | values)
        self.known_deals[org_id, deal_id] = deal
        return deal

    async def buyer(self, org_id: UUID, company_id: UUID) -> Buyer:
        """One company and where its invoices go; NotFound when it does not exist."""
        self._asked()
        company = self.known_companies.get((org_id, company_id))
        if company is None:
            raise NotFound("There is no such company.")
        return Buyer(company, company.email or self.primary_emails.get(company_id))

    async def companies(self, org_id: UUID, company_ids: Sequence[UUID]) -> list[Company]:
        """Companies by id in order of id; unknown ids are left out."""
        self._asked()
        wanted = sorted(set(company_ids))
        return [
            self.known_companies[org_id, each] for each in wanted if (org_id, each) in self.known_companies
        ]

    async def company_named(self, org_id: UUID, name: str) -> Company:
        """The live company of that name, ignoring case; NotFound when there is none."""
        self._asked()
        for (owner, _), company in self.known_companies.items():
            is_live = owner == org_id and company.archived_at is None
            if is_live and company.name.lower() == name.strip().lower():
                return company
        raise NotFound("There is no such company.")

    async def deal(self, org_id: UUID, deal_id: UUID) -> Deal:
        """One deal; NotFound when it does not exist."""
        self._asked()
        if (org_id, deal_id) not in self.known_deals:
            raise NotFound("There is no such deal.")
        return self.known_deals[org_id, deal_id]

    async def deals(self, org_id: UUID, deal_ids: Sequence[UUID]) -> list[Deal]:
        """Deals by id in order of id; unknown ids are left out."""
        self._asked()
        wanted = sorted(set(deal_ids))
        return [self.known_deals[org_id, each] for each in wanted if (org_id, each) in self.known_deals]

    def _asked(self) -> None:
        self.questions += 1
        if self.is_away:
            raise DependencyUnavailable("The sales service does not answer; try again.", service="sales")
