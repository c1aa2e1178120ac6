"""One organisation at work: its people, its peers, a signed-in client, and what was told of it."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2

from chassis.testing.stand import Stand
from clients.identity.fake import FakeIdentity
from clients.identity.types import Member, Policies
from clients.sales.fake import FakeSales
from clients.sales.types import Deal
from execos.identity.v1.events_pb2 import PoliciesChanged
from execos.identity.v1.snapshots_pb2 import OrganisationSnapshot
from execos.identity.v1.snapshots_pb2 import Policies as PoliciesMessage
from execos.platform.v1.values_pb2 import Reference
from execos.sales.v1.snapshots_pb2 import DealSnapshot

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LENIENT = Policies(require_work_owner=False, require_work_due_date=False)

Json = dict[str, Any]


@dataclass
class Place:
    """The service, its fakes, and one active member who is assigned to what needs somebody."""

    stand: Stand
    identity: FakeIdentity
    sales: FakeSales
    api: httpx2.AsyncClient
    member: Member

    @property
    def org_id(self) -> UUID:
        """The organisation of this test."""
        return self.stand.org_id

    @property
    def today(self) -> date:
        """The organisation's day; it lives in UTC unless a test says otherwise."""
        return self.stand.clock.now.date()

    def day(self, offset: int) -> str:
        """Today plus that many days, as the API writes it."""
        return (self.today + timedelta(days=offset)).isoformat()

    def body(self, **fields: Any) -> Json:
        """What a valid item needs, and these fields."""
        return {"title": "Paint the fence", "assignedToUserId": str(self.member.id)} | fields

    async def item(self, **fields: Any) -> Json:
        """A new item."""
        answer = await self.api.post("/api/v1/work-items", json=self.body(**fields))
        assert answer.status_code == 201, answer.text
        created: Json = answer.json()
        return created

    async def act(self, item: Json, action: str, body: Json | None = None, **headers: str) -> httpx2.Response:
        """POST to one of the item's doors."""
        return await self.api.post(f"/api/v1/work-items/{item['id']}/{action}", json=body, headers=headers)

    async def patch(
        self, item: Json, headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx2.Response:
        """PATCH the item."""
        return await self.api.patch(f"/api/v1/work-items/{item['id']}", json=fields, headers=headers)

    async def read(self, item: Json) -> Json:
        """The item as it is now."""
        answer = await self.api.get(f"/api/v1/work-items/{item['id']}")
        assert answer.status_code == 200, answer.text
        read: Json = answer.json()
        return read

    async def titles(self, **query: Any) -> list[str]:
        """The titles of a list."""
        answer = await self.api.get("/api/v1/work-items", params=query)
        assert answer.status_code == 200, answer.text
        return [item["title"] for item in answer.json()["items"]]

    async def told(self, item: Json) -> list[str]:
        """The facts of an item, without context and version, oldest first."""
        facts = [fact for fact in await self.stand.facts() if str(fact.aggregate_id) == item["id"]]
        return [fact.type.removeprefix("work.").removesuffix(".v1") for fact in facts]

    async def set_policies(self, **values: Any) -> None:
        """Change the policies, as identity tells it."""
        known = self.identity.known_organisations[self.org_id]
        await self.set_organisation(policies=replace(known.policies, **values))

    async def set_organisation(self, **values: Any) -> None:
        """Change the organisation, as identity tells it."""
        told = self.identity.add_organisation(self.org_id, **values)
        names = [field.name for field in PoliciesMessage.DESCRIPTOR.fields]
        organisation = OrganisationSnapshot(
            id=str(told.id),
            version=told.version,
            name=told.name,
            slug=told.slug,
            status=told.status,
            time_zone=told.time_zone,
            currency=told.currency,
            locale=told.locale,
            modules=sorted(told.modules),
            policies=PoliciesMessage(**{name: getattr(told.policies, name) for name in names}),
        )
        await self.stand.deliver(
            PoliciesChanged(organisation=organisation), self.org_id, version=told.version
        )


def snapshot_of(deal: Deal) -> DealSnapshot:
    """A deal as sales tells it."""
    message = DealSnapshot(
        id=str(deal.id),
        version=deal.version,
        title=deal.title,
        stage=deal.stage,
        company=Reference(id=str(deal.company_id), name=deal.company_name),
        expected_close_date=deal.expected_close_date.isoformat() if deal.expected_close_date else None,
        lost_reason=deal.lost_reason,
    )
    for name in ("last_activity_at", "created_at", "updated_at"):
        getattr(message, name).FromDatetime(getattr(deal, name))
    return message
