"""A lead becomes a deal: once, with company, contact, owner, value and notes."""

from typing import Any

import httpx2
import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of


async def convert(place: Place, lead: Json, **body: Any) -> httpx2.Response:
    """POST convert-to-deal."""
    return await place.post(f"/leads/{lead['id']}/convert-to-deal", body)


async def test_lead_becomes_a_deal_with_all_it_has(place: Place) -> None:
    company = await place.company()
    contact = await place.contact(companyId=company["id"])
    lead = await place.lead(
        companyId=company["id"], contactId=contact["id"], ownerUserId=place.owner, notes="Wants it soon."
    )
    place.stand.clock.advance(hours=30)
    answer = await convert(place, lead, valueAmount="48500.00", expectedCloseDate="2026-05-01")
    assert answer.status_code == 201, answer.text
    deal = answer.json()
    assert answer.headers["location"] == f"/api/v1/deals/{deal['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (deal["title"], deal["stage"], deal["notes"]) == ("Press line 3", "OPEN", None)
    assert (deal["valueAmount"], deal["currency"]) == ("48500.00", "EUR")
    assert (deal["companyId"], deal["contactId"]) == (company["id"], contact["id"])
    assert (deal["owner"]["name"], deal["expectedCloseDate"]) == ("Olga Owner", "2026-05-01")
    assert deal["leadId"] == lead["id"]
    assert await place.read(f"/deals/{deal['id']}") == deal
    converted = await place.read(f"/leads/{lead['id']}")
    assert (converted["stage"], converted["convertedDealId"]) == ("CONVERTED", deal["id"])
    assert converted["convertedAt"] == "2026-03-11T18:00:00Z"
    assert await place.told(lead) == ["lead.created", "lead.converted"]
    (note,) = (await place.get(f"/deals/{deal['id']}/notes")).json()["items"]
    assert (note["body"], converted["notes"]) == ("Wants it soon.", "Wants it soon.")
    assert await place.told(deal) == ["deal.created"]
    assert await place.told(note) == ["note.added"]
    told = (await place.fact("deal.created")).deal
    assert (told.lead_id, told.lead_created_at.ToJsonString()) == (lead["id"], "2026-03-10T12:00:00Z")
    assert await place.stand.actions(lead["id"]) == ["CREATE", "CONVERT"]
    assert await place.stand.actions(deal["id"]) == ["CREATE", "NOTE_ADD"]
    entry = (await place.read(f"/leads/{lead['id']}/activity"))["items"][0]
    assert entry["before"] == {"stage": "NEW", "convertedDealId": None, "convertedAt": None}
    assert entry["after"] == {name: converted[name] for name in entry["before"]} | {
        "dealId": deal["id"],
        "dealStage": "OPEN",
        "companyId": company["id"],
        "contactId": contact["id"],
    }


async def test_company_may_be_named_in_the_body(place: Place) -> None:
    company, lead = await place.company(), await place.lead()
    deal = (await convert(place, lead, companyId=company["id"])).json()
    assert deal["company"] == {"id": company["id"], "name": "Brandt GmbH"}
    assert (await place.read(f"/leads/{lead['id']}"))["companyId"] == company["id"]


async def test_company_and_contact_may_be_described_in_the_body(place: Place) -> None:
    lead = await place.lead()
    described = {
        "company": {"name": "Havel AG", "industry": "Rail"},
        "contact": {"name": "Tomasz", "email": "t@x.test"},
    }
    answer = await convert(place, lead, **described)
    assert answer.status_code == 201, answer.text
    deal = answer.json()
    contact = await place.read(f"/contacts/{deal['contactId']}")
    assert (contact["company"]["name"], contact["email"]) == ("Havel AG", "t@x.test")
    facts = [fact.type for fact in await place.stand.facts()]
    assert facts[-4:] == [
        "sales.company.created.v1",
        "sales.contact.created.v1",
        "sales.deal.created.v1",
        "sales.lead.converted.v1",
    ]


async def test_described_rows_need_their_own_permissions(place: Place) -> None:
    lead = await place.lead()
    path = f"/api/v1/leads/{lead['id']}/convert-to-deal"
    async with place.stand.client("leads:convert") as api:
        answer = await api.post(path, json={"company": {"name": "Havel AG"}})
        assert error_of(answer, 403)["details"] == {"permission": "companies:write"}
    assert await place.names("/companies") == []
    (told,) = await place.stand.facts("sales.permission.denied.v1")
    assert (told.message.permission, told.message.path) == (
        "companies:write",
        "/api/v1/leads/{lead_id}/convert-to-deal",
    )


async def test_existing_company_is_not_described_again(place: Place) -> None:
    company, lead = await place.company("Havel AG"), await place.lead()
    assert code_of(await convert(place, lead, company={"name": "havel ag"}), 409) == "COMPANY_EXISTS"
    with_company = await place.lead("Other", companyId=company["id"])
    for body in ({"company": {"name": "New"}}, {"companyId": (await place.company("Third"))["id"]}):
        assert code_of(await convert(place, with_company, **body), 400) == "BAD_REQUEST"
    assert (await convert(place, with_company, companyId=company["id"])).status_code == 201


async def test_lead_without_any_company_is_refused(place: Place) -> None:
    lead = await place.lead()
    for body in ({}, {"companyId": NOBODY}, {"company": {"name": "A"}, "companyId": NOBODY}):
        assert code_of(await convert(place, lead, **body), 400) == "BAD_REQUEST"
    answer = await place.api.post(f"/api/v1/leads/{lead['id']}/convert-to-deal")
    assert code_of(answer, 400) == "BAD_REQUEST"
    assert (await place.read(f"/leads/{lead['id']}"))["stage"] == "NEW"


async def test_contact_of_another_company_is_refused_and_a_free_one_joins(place: Place) -> None:
    brandt, havel = await place.company("Brandt GmbH"), await place.company("Havel AG")
    jutta, free = await place.contact("Jutta", companyId=brandt["id"]), await place.contact("Free")
    lead = await place.lead()
    refused = await convert(place, lead, companyId=havel["id"], contactId=jutta["id"])
    assert code_of(refused, 400) == "BAD_REQUEST"
    deal = (await convert(place, lead, companyId=havel["id"], contactId=free["id"])).json()
    assert deal["contactId"] == free["id"]
    assert (await place.read(f"/contacts/{free['id']}"))["company"]["name"] == "Havel AG"
    assert await place.told(free) == ["contact.created", "contact.updated"]
    known = await place.lead("With contact", contactId=jutta["id"])
    again = await convert(place, known, companyId=brandt["id"], contact={"name": "Another"})
    assert code_of(again, 400) == "BAD_REQUEST"


async def test_lead_whose_contact_has_moved_is_converted_without_it(place: Place) -> None:
    brandt, havel = await place.company("Brandt GmbH"), await place.company("Havel AG")
    jutta = await place.contact("Jutta", companyId=brandt["id"])
    leads = [await place.lead(companyId=brandt["id"], contactId=jutta["id"]) for _ in range(2)]
    await place.patch(f"/contacts/{jutta['id']}", {"companyId": havel["id"]})
    assert code_of(await convert(place, leads[0]), 400) == "BAD_REQUEST"
    place.stand.clock.advance(minutes=1)
    without = await convert(place, leads[0], contactId=None, companyId=None, company=None, contact=None)
    assert (without.status_code, without.json()["contactId"]) == (201, None), without.text
    entry = (await place.read(f"/leads/{leads[0]['id']}/activity"))["items"][0]
    assert (entry["before"]["contactId"], entry["after"]["contactId"]) == (jutta["id"], None)
    assert (await place.read(f"/leads/{leads[0]['id']}"))["contactId"] is None
    another = (await convert(place, leads[1], contactId=None, contact={"name": "Max"})).json()
    assert (await place.read(f"/contacts/{another['contactId']}"))["name"] == "Max"


async def test_second_convert_names_the_deal(place: Place) -> None:
    company, lead = await place.company(), await place.lead()
    deal = (await convert(place, lead, companyId=company["id"])).json()
    error = error_of(await convert(place, lead, companyId=company["id"]), 409)
    assert (error["code"], error["details"]["dealId"]) == ("LEAD_ALREADY_CONVERTED", deal["id"])
    assert await place.names("/deals", "id") == [deal["id"]]


async def test_parallel_converts_make_one_deal(place: Place) -> None:
    company, lead = await place.company(), await place.lead(notes="Soon.")
    await place.made(f"/leads/{lead['id']}/notes", body="Called.")
    calls = [convert(place, lead, companyId=company["id"]) for _ in range(4)]
    answers = await place.race("lead", lead, *calls)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (deal_id,) = await place.names("/deals", "id")
    for answer in answers:
        if answer.status_code == 409:
            error = error_of(answer, 409)
            assert (error["code"], error["details"]) == ("LEAD_ALREADY_CONVERTED", {"dealId": deal_id})
    assert (await place.read(f"/leads/{lead['id']}"))["convertedDealId"] == deal_id
    assert len(await place.stand.facts("sales.lead.converted.v1")) == 1
    assert await place.names(f"/deals/{deal_id}/notes", "body") == ["Called.", "Soon."]


async def test_same_key_gets_the_same_deal(place: Place) -> None:
    company, lead = await place.company(), await place.lead()
    path, body = f"/leads/{lead['id']}/convert-to-deal", {"companyId": company["id"]}
    first = await place.post(path, body, idempotency_key="convert-1")
    again = await place.post(path, body, idempotency_key="convert-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]


async def test_disqualified_lead_must_be_reopened_first(place: Place) -> None:
    company, lead = await place.company(), await place.lead()
    await place.post(f"/leads/{lead['id']}/disqualify")
    error = error_of(await convert(place, lead, companyId=company["id"]), 409)
    assert (error["code"], error["details"]["allowed"]) == ("ILLEGAL_TRANSITION", ["NEW"])
    await place.post(f"/leads/{lead['id']}/reopen")
    assert (await convert(place, lead, companyId=company["id"])).status_code == 201


async def test_caller_becomes_owner_only_where_one_is_required(place: Place) -> None:
    company = await place.company()
    deal = (await convert(place, await place.lead(), companyId=company["id"])).json()
    assert deal["ownerUserId"] == str(place.stand.user_id)
    await place.change_organisation(policies={"require_deal_owner": False})
    deal = (await convert(place, await place.lead(), companyId=company["id"])).json()
    assert deal["ownerUserId"] is None


async def test_null_owner_is_nobody_and_not_that_of_the_lead(place: Place) -> None:
    company = await place.company()
    owned = {"companyId": company["id"], "ownerUserId": place.owner}
    deal = (await convert(place, await place.lead(**owned), ownerUserId=None)).json()
    assert deal["ownerUserId"] == str(place.stand.user_id)  # the policy wants somebody
    await place.change_organisation(policies={"require_deal_owner": False})
    deal = (await convert(place, await place.lead(**owned), ownerUserId=None)).json()
    assert deal["ownerUserId"] is None


async def test_owner_named_in_the_body_wins_and_one_who_left_is_passed_over(place: Place) -> None:
    company = await place.company()
    lead = await place.lead(ownerUserId=place.owner)
    named = await convert(place, lead, companyId=company["id"], ownerUserId=str(place.stand.user_id))
    assert named.json()["ownerUserId"] == str(place.stand.user_id)
    left = await place.lead(ownerUserId=place.owner)
    await place.suspend(place.member)
    assert (await convert(place, left, companyId=company["id"])).json()["ownerUserId"] == str(
        place.stand.user_id
    )
    refused = await convert(place, await place.lead(), companyId=company["id"], ownerUserId=place.owner)
    assert code_of(refused, 400) == "BAD_REQUEST"


async def test_caller_who_is_no_member_cannot_own(place: Place) -> None:
    company, lead = await place.company(), await place.lead()
    place.identity.known_members.pop((place.org_id, place.stand.user_id))
    assert code_of(await convert(place, lead, companyId=company["id"]), 409) == "OWNER_REQUIRED"
    assert (await place.read(f"/leads/{lead['id']}"))["stage"] == "NEW"


@pytest.mark.parametrize(
    "terms",
    [
        {"valueAmount": "-1"},
        {"valueAmount": "1.001"},
        {"valueAmount": 10**13},
        {"valueAmount": "1.5", "currency": "JPY"},
        {"currency": "EURO"},
        {"expectedCloseDate": "soon"},
        {"title": "no such field"},
    ],
)
async def test_bad_terms_are_refused_and_nothing_written(place: Place, terms: Json) -> None:
    company, lead = await place.company(), await place.lead()
    answer = await convert(place, lead, companyId=company["id"], **terms)
    assert code_of(answer, 400) == "VALIDATION_ERROR"
    assert await place.read(f"/leads/{lead['id']}") == lead
    assert await place.names("/deals") == []


async def test_converting_while_identity_is_away_and_unknown_is_503(place: Place) -> None:
    lead = await place.lead()
    company = await place.company()
    place.identity.is_away = True
    assert code_of(await convert(place, lead, companyId=company["id"]), 503) == "DEPENDENCY_UNAVAILABLE"
    assert await place.read(f"/leads/{lead['id']}") == lead
    place.identity.is_away = False
    assert (await convert(place, lead, companyId=company["id"])).status_code == 201


async def test_deal_has_the_tags_of_its_lead_unless_the_conversion_names_others(place: Place) -> None:
    company = await place.company()
    for sent, carried in (({}, ["Fair"]), ({"tags": ["vip", "FAIR"]}, ["vip", "Fair"]), ({"tags": []}, [])):
        lead = await place.lead(companyId=company["id"], tags=["Fair"])
        deal = (await place.post(f"/leads/{lead['id']}/convert-to-deal", sent)).json()
        assert deal["tags"] == carried
        assert (await place.read(f"/leads/{lead['id']}"))["tags"] == ["Fair"]
    described = {"company": {"name": "New AG", "tags": ["Fair"]}, "contact": {"name": "N", "tags": ["fair"]}}
    lead = await place.lead()
    deal = (await place.post(f"/leads/{lead['id']}/convert-to-deal", described)).json()
    assert (await place.read(f"/companies/{deal['companyId']}"))["tags"] == ["Fair"]
    assert (await place.read(f"/contacts/{deal['contactId']}"))["tags"] == ["Fair"]
