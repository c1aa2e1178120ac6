"""What an import did is taken back: by the commands that lead back, to as much of the past as there still is."""

from services.sales.tests.place import Json, Place
from services.sales.tests.service.test_imports import mapped, ran, rows_of, uploaded


async def applied(place: Place, content: str, entity: str = "company") -> Json:
    """An import that has changed what was there."""
    run = await uploaded(place, content, entity)
    await mapped(place, run, duplicatePolicy="update")
    assert (await ran(place, run, "apply"))["counters"]["update"] == 1
    return run


async def kept_for(place: Place, run: Json) -> str:
    """Why the row of an import is not taken back."""
    assert (await ran(place, run, "revert"))["undone"]["kept"] == 1
    [row] = await rows_of(place, run, outcome="kept")
    issue: str = row["problems"][0]["issues"][0]
    return issue


async def test_reverting_tells_by_the_commands_that_lead_back(place: Place) -> None:
    known = await place.company("Known GmbH")
    deal = await place.deal(known, title="Big", ownerUserId=place.owner)
    lead = await place.lead(title="Warm")
    lines = [
        "ID,Title,Company,Stage,Pipeline Stage,Notes",
        f"{deal['id']},Big,Known GmbH,won,proposal,Signed",
    ]
    deals = await applied(place, "\n".join(lines), "deal")
    leads = await applied(place, f"ID,Title,Stage\n{lead['id']},Warm,qualified\n", "lead")
    for run in (deals, leads):
        assert (await ran(place, run, "revert"))["undone"]["reverted"] == 1
    there = ["deal.updated", "deal.stage_moved", "deal.won"]
    back = ["deal.reopened", "deal.stage_moved", "deal.updated"]
    now = await place.read(f"/deals/{deal['id']}")
    assert await place.told(now) == ["deal.created", *there, *back]
    kept = deal.keys() - {"version", "updatedAt"}
    assert {name: now[name] for name in kept} == {name: deal[name] for name in kept}
    steps = (await place.get(f"/deals/{deal['id']}/stage-history")).json()["items"]
    assert [(step["fromStage"], step["toStage"]) for step in steps] == [
        (deal["pipelineStage"], "proposal"),
        ("proposal", deal["pipelineStage"]),
    ]
    now = await place.read(f"/leads/{lead['id']}")
    assert (now["stage"], await place.told(now)) == (
        "NEW",
        ["lead.created", "lead.qualified", "lead.reopened"],
    )


async def test_a_deal_whose_stage_is_gone_stays_where_the_import_has_put_it(place: Place) -> None:
    [pipeline] = (await place.get("/pipelines")).json()["items"]
    deal = await place.deal(await place.company("Known GmbH"), title="Big")
    lines = ["ID,Title,Company,Pipeline Stage", f"{deal['id']},Big,Known GmbH,proposal"]
    run = await applied(place, "\n".join(lines), "deal")
    left = [stage for stage in pipeline["stages"] if stage["key"] != deal["pipelineStage"]]
    stages = [{name: stage[name] for name in ("key", "name", "winProbability")} for stage in left]
    assert (await place.patch(f"/pipelines/{pipeline['id']}", {"stages": stages})).status_code == 200
    assert await kept_for(place, run) == "the stage where it was is gone"
    assert (await place.read(f"/deals/{deal['id']}"))["pipelineStage"] == "proposal"


async def test_words_and_fields_that_are_gone_do_not_come_back(place: Place) -> None:
    fields = [
        await place.made("/custom-fields", entity="company", key=key, name=key, type="text") for key in "xyz"
    ]
    known = await place.company(
        "Known GmbH", tags=["old", "gone", "left"], customFields={"x": "1", "y": "two", "z": "3"}
    )
    head, row = "ID,Name,Tags,cf.x,cf.y,cf.z", f"{known['id']},Known GmbH,other,4,5,6"
    run = await applied(place, f"{head}\n{row}\n")
    tags = {tag["name"]: tag["id"] for tag in (await place.get("/tags")).json()["items"]}
    await place.patch(f"/tags/{tags['old']}", {"name": "new"})
    await place.api.delete(f"/api/v1/tags/{tags['gone']}")
    for field in fields[:2]:
        await place.api.delete(f"/api/v1/custom-fields/{field['id']}")
    await place.made("/custom-fields", entity="company", key="y", name="y", type="number")
    assert (await ran(place, run, "revert"))["undone"]["reverted"] == 1
    now = await place.read(f"/companies/{known['id']}")
    assert (now["tags"], now["customFields"]) == (["left"], {"z": "3"})


async def test_what_belonged_to_a_company_that_is_gone_stays_where_it_is(place: Place) -> None:
    gone, other = [await place.company(name) for name in ("Gone", "Other")]
    contact = await place.contact("Jutta", companyId=gone["id"])
    run = await applied(place, f"ID,Name,Company\n{contact['id']},Jutta,Other\n", "contact")
    third = await place.company("Third")
    await place.post("/companies/merge", {"survivorId": third["id"], "mergedId": gone["id"]})
    assert await kept_for(place, run) == "the company where it was is gone"
    assert (await place.read(f"/contacts/{contact['id']}"))["companyId"] == other["id"]


async def test_a_deal_does_not_go_back_to_a_contact_who_is_elsewhere(place: Place) -> None:
    known = await place.company("Known GmbH")
    contacts = [
        await place.contact(name, companyId=known["id"], email=f"{name}@x.example") for name in ("a", "b")
    ]
    for change, issue in (
        ({"companyId": None}, "the contact that it had is of another company now"),
        (None, "the contact that it had is gone"),
    ):
        deal = await place.deal(known, title=issue, contactId=contacts[0]["id"])
        lines = f"ID,Title,Company,Contact Email\n{deal['id']},{issue},Known GmbH,b@x.example\n"
        run = await applied(place, lines, "deal")
        path = f"/contacts/{contacts[0]['id']}"
        await (place.patch(path, change) if change else place.post(f"{path}/archive"))
        assert await kept_for(place, run) == issue
        await place.patch(path, {"companyId": known["id"]})
