"""Whom and what an item may refer to: copies, gaps filled at the door, peers away, other organisations."""

from typing import Any
from uuid import uuid4

import pytest
from services.work.tests.place import Place

from chassis.ids import new_id
from execos.identity.v1.events_pb2 import MemberSuspended, MemberUpdated
from execos.identity.v1.snapshots_pb2 import MemberSnapshot
from execos.sales.v1.events_pb2 import CompanyUpdated
from execos.sales.v1.snapshots_pb2 import CompanySnapshot


async def refused(place: Place, **fields: Any) -> tuple[int, str]:
    """How creating an item with these fields is refused; nothing may have been written."""
    answer = await place.api.post("/api/v1/work-items", json=place.body(**fields))
    assert await place.stand.facts() == []
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("status", ["invited", "suspended", "removed"])
async def test_assignee_must_be_active(place: Place, status: str) -> None:
    gone = place.identity.add_member(place.org_id, status=status)
    assert await refused(place, assignedToUserId=str(gone.id)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("field", ["assignedToUserId", "companyId", "dealId"])
async def test_reference_must_exist(place: Place, field: str) -> None:
    assert await refused(place, **{field: str(uuid4())}) == (400, "BAD_REQUEST")


async def test_reference_to_another_organisations_row_is_bad(place: Place) -> None:
    stranger = new_id()
    company = place.sales.add_company(stranger)
    deal = place.sales.add_deal(stranger, company)
    member = place.identity.add_member(stranger)
    for field, row_id in {"companyId": company.id, "dealId": deal.id, "assignedToUserId": member.id}.items():
        assert await refused(place, **{field: str(row_id)}) == (400, "BAD_REQUEST")


async def test_deal_must_be_of_the_company(place: Place) -> None:
    deal = place.sales.add_deal(place.org_id)
    other = place.sales.add_company(place.org_id)
    assert await refused(place, dealId=str(deal.id), companyId=str(other.id)) == (400, "BAD_REQUEST")
    item = await place.item(dealId=str(deal.id))
    assert (await place.patch(item, companyId=str(other.id))).status_code == 400
    assert (await place.patch(item, companyId=str(deal.company_id))).status_code == 200


@pytest.mark.parametrize("peer", ["identity", "sales"])
async def test_peer_away_means_come_back_and_nothing_written(place: Place, peer: str) -> None:
    await place.item()
    deal = place.sales.add_deal(place.org_id)
    stranger = place.identity.add_member(place.org_id)
    getattr(place, peer).is_away = True
    fields = {"dealId": str(deal.id)} if peer == "sales" else {"assignedToUserId": str(stranger.id)}
    answer = await place.api.post("/api/v1/work-items", json=place.body(**fields))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
    assert len(await place.titles()) == 1


async def test_what_is_known_needs_no_peer(place: Place) -> None:
    deal = place.sales.add_deal(place.org_id)
    fields = {"dealId": str(deal.id), "companyId": str(deal.company_id)}
    item = await place.item(**fields)
    asked = (place.identity.questions, place.sales.questions)
    place.identity.is_away = place.sales.is_away = True
    await place.item(**fields)
    assert (await place.patch(item, title="Renamed")).status_code == 200
    assert (place.identity.questions, place.sales.questions) == asked


async def test_item_of_somebody_who_left_can_still_be_changed(place: Place) -> None:
    item = await place.item()
    left = place.identity.add_member(place.org_id, place.member.id, status="suspended")
    assert left.id == place.member.id
    await place.stand.deliver(*suspended(place))
    assert (
        await place.patch(item, title="Renamed", assignedToUserId=str(place.member.id))
    ).status_code == 200
    other = await place.item(assignedToUserId=str(place.stand.user_id))
    assert (await place.patch(other, assignedToUserId=str(place.member.id))).status_code == 400


async def test_renamed_person_and_company_are_shown_by_their_new_names(place: Place) -> None:
    company = place.sales.add_company(place.org_id, name="Old")
    item = await place.item(companyId=str(company.id))
    await place.stand.deliver(*renamed(place))
    await place.stand.deliver(*renamed_company(place, str(company.id)))
    shown = await place.read(item)
    assert shown["assignedToUser"]["name"] == "Olga Neu"
    assert shown["company"]["name"] == "New"


def suspended(place: Place) -> tuple[Any, Any]:
    """The fact that the member was suspended."""
    return MemberSuspended(member=member_of(place, status="suspended")), place.member.id


def renamed(place: Place) -> tuple[Any, Any]:
    """The fact that the member has another name."""
    return MemberUpdated(member=member_of(place, name="Olga Neu")), place.member.id


def member_of(place: Place, **values: Any) -> Any:
    """The member's next version."""
    known = {"name": place.member.name, "email": place.member.email, "role": "OPS", "status": "active"}
    return MemberSnapshot(user_id=str(place.member.id), version=place.member.version + 1, **known | values)


def renamed_company(place: Place, company_id: str) -> tuple[Any, Any]:
    """The fact that a company has another name."""
    company = CompanySnapshot(id=company_id, version=2, name="New")
    company.created_at.FromDatetime(place.stand.clock.now)
    company.updated_at.FromDatetime(place.stand.clock.now)
    return CompanyUpdated(company=company), company_id
