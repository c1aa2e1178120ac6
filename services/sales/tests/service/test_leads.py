"""Leads: their stages, by name and by PATCH, and what they refer to."""

import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of

ALLOWED = {
    ("NEW", "qualify"): "QUALIFIED",
    ("NEW", "disqualify"): "DISQUALIFIED",
    ("QUALIFIED", "disqualify"): "DISQUALIFIED",
    ("QUALIFIED", "reopen"): "NEW",
    ("DISQUALIFIED", "reopen"): "NEW",
}
TOLD = {"qualify": "lead.qualified", "disqualify": "lead.disqualified", "reopen": "lead.reopened"}
STALE_STAGES = {"NEW": True, "QUALIFIED": True, "DISQUALIFIED": False, "CONVERTED": False}
STAGE_OF = {"qualify": "QUALIFIED", "disqualify": "DISQUALIFIED", "reopen": "NEW"}


async def lead_in(place: Place, stage: str) -> Json:
    """A lead that stands there."""
    lead = await place.lead(stage="QUALIFIED" if stage == "QUALIFIED" else "NEW")
    if stage == "DISQUALIFIED":
        await place.post(f"/leads/{lead['id']}/disqualify")
    if stage == "CONVERTED":
        company = await place.company(f"Company of {lead['id']}")
        answer = await place.post(f"/leads/{lead['id']}/convert-to-deal", {"companyId": company["id"]})
        assert answer.status_code == 201, answer.text
    return await place.read(f"/leads/{lead['id']}")


async def test_new_lead_is_answered_recorded_and_told(place: Place) -> None:
    company = await place.company()
    contact = await place.contact(companyId=company["id"])
    fields = {
        "source": "fair",
        "category": "hot",
        "notes": "n" * 10_000,
        "companyId": company["id"],
        "contactId": contact["id"],
        "ownerUserId": place.owner,
    }
    lead = await place.lead(**fields)
    assert {name: lead[name] for name in fields} == fields
    assert (lead["stage"], lead["version"], lead["convertedDealId"]) == ("NEW", 1, None)
    assert lead["company"] == {"id": company["id"], "name": "Brandt GmbH"}
    assert lead["owner"]["email"] == "olga@test.example"
    assert await place.read(f"/leads/{lead['id']}") == lead
    assert await place.told(lead) == ["lead.created"]
    told = (await place.fact("lead.created")).lead
    assert (told.title, told.stage, told.company.name) == ("Press line 3", "NEW", "Brandt GmbH")
    assert await place.stand.actions(lead["id"]) == ["CREATE"]


async def test_lead_begins_new_or_qualified(place: Place) -> None:
    assert (await place.lead(stage="QUALIFIED"))["stage"] == "QUALIFIED"
    for stage in ("DISQUALIFIED", "CONVERTED", "OLD", None):
        answer = await place.post("/leads", {"title": "Press line 3", "stage": stage})
        assert code_of(answer, 400) == "VALIDATION_ERROR"


@pytest.mark.parametrize("stage", ["NEW", "QUALIFIED", "DISQUALIFIED", "CONVERTED"])
@pytest.mark.parametrize("command", ["qualify", "disqualify", "reopen"])
async def test_every_move_of_a_lead(place: Place, stage: str, command: str) -> None:
    wanted = ALLOWED.get((stage, command))
    by_name, by_patch = await lead_in(place, stage), await lead_in(place, stage)
    named = await place.post(f"/leads/{by_name['id']}/{command}")
    patched = await place.patch(f"/leads/{by_patch['id']}", {"stage": STAGE_OF[command]})
    if wanted:
        for lead, answer in ((by_name, named), (by_patch, patched)):
            assert (answer.status_code, answer.json()["stage"]) == (200, wanted)
            assert answer.json()["version"] == lead["version"] + 1
            assert (await place.told(lead))[-1] == TOLD[command]
            assert (await place.stand.actions(lead["id"]))[-1] == command.upper()
        return
    error = error_of(named, 409)
    assert (error["code"], error["details"]["from"]) == ("ILLEGAL_TRANSITION", stage)
    assert await place.read(f"/leads/{by_name['id']}") == by_name
    if stage == STAGE_OF[command]:
        assert patched.json() == by_patch
    else:
        assert code_of(patched, 409) == "ILLEGAL_TRANSITION"


@pytest.mark.parametrize("stage", ["NEW", "QUALIFIED", "DISQUALIFIED"])
async def test_patch_never_converts(place: Place, stage: str) -> None:
    lead = await lead_in(place, stage)
    answer = await place.patch(f"/leads/{lead['id']}", {"stage": "CONVERTED"})
    assert code_of(answer, 409) == "ILLEGAL_TRANSITION"


async def test_reason_of_disqualifying_is_kept_until_reopened(place: Place) -> None:
    lead = await place.lead()
    path = f"/leads/{lead['id']}"
    answer = await place.post(f"{path}/disqualify", {"reason": "no budget"})
    assert answer.json()["disqualifiedReason"] == "no budget"
    assert (await place.fact("lead.disqualified")).lead.disqualified_reason == "no budget"
    assert code_of(await place.post(f"{path}/disqualify", {"why": "?"}), 400) == "VALIDATION_ERROR"
    assert (await place.post(f"{path}/reopen")).json()["disqualifiedReason"] is None


async def test_fields_and_stage_in_one_patch_are_two_steps(place: Place) -> None:
    lead = await place.lead()
    answer = await place.patch(f"/leads/{lead['id']}", {"title": "Press line 4", "stage": "QUALIFIED"})
    changed = answer.json()
    assert (changed["title"], changed["stage"], changed["version"]) == ("Press line 4", "QUALIFIED", 3)
    assert await place.told(lead) == ["lead.created", "lead.updated", "lead.qualified"]
    entries = (await place.read(f"/leads/{lead['id']}/activity"))["items"]
    after = {entry["action"]: entry["after"] for entry in entries}
    assert (after["UPDATE"], after["QUALIFY"]) == ({"title": "Press line 4"}, {"stage": "QUALIFIED"})


async def test_refused_stage_leaves_the_fields_alone(place: Place) -> None:
    lead = await lead_in(place, "DISQUALIFIED")
    answer = await place.patch(f"/leads/{lead['id']}", {"title": "Press line 4", "stage": "QUALIFIED"})
    assert code_of(answer, 409) == "ILLEGAL_TRANSITION"
    assert await place.read(f"/leads/{lead['id']}") == lead


async def test_company_and_contact_of_a_lead_belong_together(place: Place) -> None:
    brandt, havel = await place.company("Brandt GmbH"), await place.company("Havel AG")
    jutta = await place.contact("Jutta", companyId=brandt["id"])
    free = await place.contact("Free")
    for contact in (jutta, free):
        answer = await place.post(
            "/leads", {"title": "L", "companyId": havel["id"], "contactId": contact["id"]}
        )
        assert code_of(answer, 400) == "BAD_REQUEST"
    lead = await place.lead(contactId=jutta["id"])
    path = f"/leads/{lead['id']}"
    assert code_of(await place.patch(path, {"companyId": havel["id"]}), 400) == "BAD_REQUEST"
    assert (await place.patch(path, {"companyId": brandt["id"]})).json()["company"]["name"] == "Brandt GmbH"
    moved = await place.patch(path, {"companyId": havel["id"], "contactId": None})
    assert (moved.json()["company"]["name"], moved.json()["contactId"]) == ("Havel AG", None)


async def test_unknown_references_of_a_lead_are_refused(place: Place) -> None:
    lead = await place.lead()
    for field in ("companyId", "contactId", "ownerUserId"):
        assert code_of(await place.post("/leads", {"title": "L", field: NOBODY}), 400) == "BAD_REQUEST"
        assert code_of(await place.patch(f"/leads/{lead['id']}", {field: NOBODY}), 400) == "BAD_REQUEST"
    archived = await place.contact()
    await place.post(f"/contacts/{archived['id']}/archive")
    answer = await place.post("/leads", {"title": "L", "contactId": archived["id"]})
    assert code_of(answer, 400) == "BAD_REQUEST"
    assert await place.names("/leads", "title") == ["Press line 3"]


async def test_null_clears_what_may_be_empty(place: Place) -> None:
    lead = await place.lead(source="fair", notes="n", category="cold", ownerUserId=place.owner)
    path = f"/leads/{lead['id']}"
    empty = {"source": None, "notes": None, "ownerUserId": None}
    cleared = (await place.patch(path, empty | {"category": None})).json()
    assert {name: cleared[name] for name in empty} == empty
    assert (cleared["chosenCategory"], cleared["category"]) == (None, "hot")
    for field in ("title", "stage"):
        assert code_of(await place.patch(path, {field: None}), 400) == "VALIDATION_ERROR"


async def test_stale_version_of_a_lead_is_refused(place: Place) -> None:
    lead = await place.lead()
    path = f"/leads/{lead['id']}"
    await place.patch(path, {"title": "Other"})
    assert code_of(await place.patch(path, {"title": "Stale"}, if_match='"1"'), 412) == "STALE_VERSION"
    for command in ("qualify", "disqualify", "reopen", "convert-to-deal"):
        assert code_of(await place.post(f"{path}/{command}", if_match='"1"'), 412) == "STALE_VERSION"
    assert (await place.read(path))["title"] == "Other"


async def test_lead_grows_stale_without_activity(place: Place) -> None:
    await place.change_organisation(policies={"lead_stale_after_hours": 5})
    lead = await place.lead(stage="QUALIFIED")
    path = f"/leads/{lead['id']}"
    assert (lead["isStale"], lead["lastActivityAt"]) == (False, lead["createdAt"])
    place.stand.clock.advance(hours=5)
    assert (await place.read(path))["isStale"] is False
    place.stand.clock.advance(seconds=1)
    assert (await place.read(path))["isStale"] is True
    assert await place.names("/leads", "isStale") == [True]
    untouched = await place.patch(path, {"title": lead["title"]})
    assert untouched.json()["isStale"] is True
    touched = (await place.patch(path, {"notes": "called"})).json()
    assert (touched["isStale"], touched["lastActivityAt"]) == (False, touched["updatedAt"])
    told = (await place.fact("lead.updated")).lead
    assert told.last_activity_at.ToJsonString() == touched["lastActivityAt"]


async def test_changed_policy_makes_leads_stale(place: Place) -> None:
    lead = await place.lead()
    place.stand.clock.advance(hours=72)
    assert (await place.read(f"/leads/{lead['id']}"))["isStale"] is False
    await place.change_organisation(policies={"lead_stale_after_hours": 71})
    assert (await place.read(f"/leads/{lead['id']}"))["isStale"] is True


@pytest.mark.parametrize(("stage", "is_stale"), STALE_STAGES.items())
async def test_only_a_lead_that_waits_for_somebody_grows_stale(
    place: Place, stage: str, *, is_stale: bool
) -> None:
    lead = await lead_in(place, stage)
    place.stand.clock.advance(hours=73)
    assert (await place.read(f"/leads/{lead['id']}"))["isStale"] is is_stale
