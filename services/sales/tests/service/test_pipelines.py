"""Pipelines: the default one, their stages, and the moves of deals through them."""

import asyncio
from typing import Any

import pytest
from services.sales.tests.place import NOBODY, WAITING, Json, Place, code_of, error_of
from sqlalchemy import text

from chassis.ids import new_id
from execos.identity.v1.events_pb2 import OrganisationCreated
from execos.identity.v1.snapshots_pb2 import OrganisationSnapshot

RECORDED = "sales.activity.recorded.v1"
STAGES = [
    {"key": "first", "name": "First call", "position": 1, "winProbability": 5},
    {"key": "offer", "name": "Offer", "position": 2, "winProbability": 50},
    {"key": "last", "name": "Last", "position": 3, "winProbability": 95},
]
RIVAL = """
    INSERT INTO pipeline (org_id, id, version, name, is_default, stages, created_at, updated_at)
    VALUES (:org_id, gen_random_uuid(), 1, 'Never', true, '[]', now(), now())
"""
DEFAULT = ["qualification", "proposal", "negotiation", "commitment"]


async def pipeline(place: Place, name: str = "Renewals", **fields: Any) -> Json:
    """A pipeline beside the default one."""
    return await place.made("/pipelines", **{"name": name, "stages": STAGES} | fields)


async def default_of(place: Place) -> Json:
    """The only default pipeline."""
    (found,) = [each for each in (await place.read("/pipelines"))["items"] if each["isDefault"]]
    return dict(found)


async def moved(place: Place, deal: Json, stage: str, **headers: str) -> Json:
    """The deal in another stage."""
    answer = await place.post(f"/deals/{deal['id']}/move", {"pipelineStage": stage}, **headers)
    assert answer.status_code == 200, answer.text
    row: Json = answer.json()
    return row


async def test_whoever_looks_first_finds_the_default_pipeline(place: Place) -> None:
    first = await place.get("/pipelines")
    (found,) = first.json()["items"]
    assert (found["name"], found["isDefault"], found["version"]) == ("Sales", True, 1)
    assert [stage["key"] for stage in found["stages"]] == DEFAULT
    assert [stage["position"] for stage in found["stages"]] == [1, 2, 3, 4]
    assert [stage["winProbability"] for stage in found["stages"]] == [10, 30, 60, 90]
    assert await place.read(f"/pipelines/{found['id']}") == found
    assert (await place.read("/deals/board"))["pipeline"] == found
    assert await place.stand.actions(found["id"]) == ["CREATE"]
    assert (await place.deal())["pipelineId"] == found["id"]


async def test_many_who_need_it_at_once_make_one_default_pipeline(place: Place) -> None:
    company = await place.company()
    body = {"title": "D", "companyId": company["id"], "ownerUserId": place.owner}
    async with place.stand.runtime.system.session(None) as rival, asyncio.timeout(5):
        await rival.execute(text(RIVAL), {"org_id": place.org_id})
        racers = [
            asyncio.ensure_future(call)
            for call in (
                *(place.post("/deals", body) for _ in range(3)),
                place.get("/pipelines"),
                place.get("/deals/board"),
            )
        ]
        while await rival.scalar(WAITING) < len(racers):  # noqa: ASYNC110 - the database has no event for it
            await asyncio.sleep(0.01)
        await rival.rollback()
    answers = await asyncio.gather(*racers)
    assert [answer.status_code for answer in answers] == [201, 201, 201, 200, 200]
    default = await default_of(place)
    assert await place.names("/deals", "pipelineId") == [default["id"]] * 3
    assert await place.stand.actions(default["id"]) == ["CREATE"]


async def test_new_pipeline_is_answered_and_recorded(place: Place) -> None:
    answer = await place.post("/pipelines", {"name": "Renewals", "stages": STAGES[::-1]})
    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/pipelines/{made['id']}")
    assert (made["name"], made["isDefault"], made["stages"]) == ("Renewals", False, STAGES)
    assert await place.read(f"/pipelines/{made['id']}") == made
    assert await place.stand.actions(made["id"]) == ["CREATE"]
    assert sorted(await place.names("/pipelines")) == ["Renewals", "Sales"]


async def test_keys_and_positions_that_are_left_out_are_made(place: Place) -> None:
    names = ["Erster Anruf!", "offer", "Offer", "???"]
    made = await pipeline(place, stages=[{"name": name} for name in names])
    assert [(each["key"], each["position"]) for each in made["stages"]] == [
        ("erster_anruf", 1),
        ("offer", 2),
        ("offer_2", 3),
        ("stage", 4),
    ]


@pytest.mark.parametrize(
    ("stages", "field"),
    [
        ([], "stages"),
        (None, "stages"),
        ([STAGES[0], STAGES[0] | {"position": 2}], "stages"),
        ([STAGES[0], STAGES[1] | {"position": 1}], "stages"),
        ([STAGES[0], {"name": "Without a position"}], "stages"),
        ([STAGES[0] | {"winProbability": 101}], "stages.0.winProbability"),
        ([STAGES[0] | {"winProbability": -1}], "stages.0.winProbability"),
        ([STAGES[0] | {"winProbability": True}], "stages.0.winProbability"),
        ([STAGES[0] | {"position": 10**30}], "stages.0.position"),
        ([STAGES[0] | {"key": "no key"}], "stages.0.key"),
        ([STAGES[0] | {"key": "k" * 41}], "stages.0.key"),
        ([STAGES[0] | {"name": ""}], "stages.0.name"),
        ([STAGES[0] | {"name": "a\x00b"}], "stages.0.name"),
        ([STAGES[0] | {"colour": "red"}], "stages.0.colour"),
        ([{"name": str(number)} for number in range(51)], "stages"),
    ],
)
async def test_stages_that_make_no_pipeline_are_refused(place: Place, stages: Any, field: str) -> None:
    made = await pipeline(place)
    for method, path in (("POST", "/pipelines"), ("PATCH", f"/pipelines/{made['id']}")):
        body = {"name": "Other", "stages": stages}
        error = error_of(await place.api.request(method, f"/api/v1{path}", json=body), 400)
        assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", field)
    assert await place.read(f"/pipelines/{made['id']}") == made


async def test_change_says_what_was_before(place: Place) -> None:
    made = await pipeline(place)
    url = f"/pipelines/{made['id']}"
    stages = [STAGES[0], {"key": "demo", "name": "Demo", "position": 2, "winProbability": 20}, STAGES[2]]
    answer = await place.patch(url, {"name": "Renewal", "stages": stages}, if_match='"1"')
    changed = answer.json()
    assert (changed["name"], changed["stages"], changed["version"]) == ("Renewal", stages, 2)
    assert (await place.patch(url, {"name": "Renewal"})).json() == changed
    assert await place.stand.actions(made["id"]) == ["CREATE", "UPDATE"]
    assert code_of(await place.patch(url, {"name": "X"}, if_match='"1"'), 412) == "STALE_VERSION"
    for field in ("name", "stages", "isDefault"):
        assert code_of(await place.patch(url, {field: None}), 400) == "VALIDATION_ERROR"
    assert await place.read(url) == changed


async def test_stage_that_has_deals_stays(place: Place) -> None:
    made = await pipeline(place)
    url = f"/pipelines/{made['id']}"
    deal = await place.deal(pipelineId=made["id"], pipelineStage="offer")
    await place.post(f"/deals/{deal['id']}/mark-lost")
    error = error_of(await place.patch(url, {"stages": [STAGES[0], STAGES[2]]}), 409)
    assert (error["code"], error["details"]) == ("STAGE_IN_USE", {"deals": {"offer": 1}})
    renamed = [STAGES[0], STAGES[1] | {"name": "Quote", "position": 7}]
    assert (await place.patch(url, {"stages": renamed})).json()["stages"] == renamed
    await place.post(f"/deals/{deal['id']}/reopen")
    await moved(place, deal, "first")
    assert (await place.patch(url, {"stages": [STAGES[0]]})).status_code == 200


async def test_stage_cannot_go_while_a_deal_comes(place: Place) -> None:
    made, company = await pipeline(place), await place.company()
    body = {"title": "D", "companyId": company["id"], "ownerUserId": place.owner, "pipelineId": made["id"]}
    answers = await place.race(
        "pipeline",
        made,
        place.patch(f"/pipelines/{made['id']}", {"stages": [STAGES[0]]}),
        place.post("/deals", body | {"pipelineStage": "last"}),
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses in ([200, 400], [409, 201])
    keys = [stage["key"] for stage in (await place.read(f"/pipelines/{made['id']}"))["stages"]]
    assert set(await place.names("/deals", "pipelineStage")) <= set(keys)


async def test_another_default_takes_the_place_of_the_one_that_was(place: Place) -> None:
    before = await default_of(place)
    second = await pipeline(place, "Second", isDefault=True)
    assert (await default_of(place))["id"] == second["id"]
    third = await pipeline(place, "Third")
    assert (await place.patch(f"/pipelines/{third['id']}", {"isDefault": True})).json()["isDefault"] is True
    assert (await default_of(place))["id"] == third["id"]
    assert await place.stand.actions(before["id"]) == ["CREATE", "UPDATE"]
    assert await place.stand.actions(second["id"]) == ["CREATE", "UPDATE"]
    answer = await place.patch(f"/pipelines/{third['id']}", {"isDefault": False})
    assert code_of(answer, 409) == "DEFAULT_PIPELINE_REQUIRED"
    assert (await place.deal())["pipelineStage"] == "first"


async def test_two_that_become_the_default_at_once_leave_one(place: Place) -> None:
    made = [await pipeline(place, f"P{number}") for number in range(3)]
    answers = await asyncio.gather(
        *(place.patch(f"/pipelines/{each['id']}", {"isDefault": True}) for each in made),
        *(place.post("/pipelines", {"name": "N", "stages": STAGES, "isDefault": True}) for _ in range(2)),
    )
    assert {answer.status_code for answer in answers} == {200, 201}
    assert (await default_of(place))["id"] in {answer.json()["id"] for answer in answers}


async def test_deal_begins_where_it_is_told_to(place: Place) -> None:
    made, default = await pipeline(place), await default_of(place)
    company = await place.company()
    for fields, pipeline_id, stage in (
        ({}, default["id"], "qualification"),
        ({"pipelineStage": "negotiation"}, default["id"], "negotiation"),
        ({"pipelineId": made["id"]}, made["id"], "first"),
        ({"pipelineId": made["id"], "pipelineStage": "last"}, made["id"], "last"),
    ):
        deal = await place.deal(company, **fields)
        assert (deal["pipelineId"], deal["pipelineStage"]) == (pipeline_id, stage)
        assert deal["stageEnteredAt"] == deal["createdAt"]
    told = (await place.stand.facts("sales.deal.created.v1"))[-1].message.deal
    assert (told.pipeline_id, told.pipeline_stage) == (made["id"], "last")
    body = {"title": "D", "companyId": company["id"], "ownerUserId": place.owner}
    for fields in (
        {"pipelineStage": "nowhere"},
        {"pipelineId": NOBODY},
        {"pipelineId": made["id"], "pipelineStage": "proposal"},
    ):
        assert code_of(await place.post("/deals", body | fields), 400) == "BAD_REQUEST"
    lead = await place.lead(companyId=company["id"], ownerUserId=place.owner)
    converted = await place.post(f"/leads/{lead['id']}/convert-to-deal")
    assert converted.json()["pipelineStage"] == "qualification"


async def test_move_is_answered_recorded_kept_and_told(place: Place) -> None:
    deal = await place.deal()
    place.stand.clock.advance(hours=2)
    answer = await moved(place, deal, "proposal", if_match='"1"')
    place.stand.clock.advance(minutes=30)
    again = await moved(place, deal, "qualification")
    assert (answer["pipelineStage"], answer["version"]) == ("proposal", 2)
    assert answer["stageEnteredAt"] == answer["updatedAt"] == answer["lastActivityAt"]
    assert await place.told(deal) == ["deal.created", "deal.stage_moved", "deal.stage_moved"]
    told = (await place.stand.facts("sales.deal.stage_moved.v1"))[0]
    assert (told.version, told.message.from_stage, told.message.seconds_in_stage) == (
        2,
        "qualification",
        7200,
    )
    assert told.message.deal.pipeline_stage == "proposal"
    history = (await place.read(f"/deals/{deal['id']}/stage-history"))["items"]
    assert [(each["fromStage"], each["toStage"], each["secondsInStage"]) for each in history] == [
        ("proposal", "qualification", 1800),
        ("qualification", "proposal", 7200),
    ]
    assert history[0]["at"] == again["stageEnteredAt"]
    assert history[0]["fromPipelineId"] == history[0]["toPipelineId"] == deal["pipelineId"]
    assert history[0]["movedBy"]["id"] == str(place.stand.user_id)
    (entry, *_) = (await place.read(f"/deals/{deal['id']}/activity"))["items"]
    assert (entry["action"], entry["before"]["pipelineStage"], entry["after"]["pipelineStage"]) == (
        "MOVE",
        "proposal",
        "qualification",
    )
    page = await place.get(f"/deals/{deal['id']}/stage-history", limit=1)
    more = await place.get(f"/deals/{deal['id']}/stage-history", cursor=page.json()["nextCursor"])
    assert [each["toStage"] for each in more.json()["items"]] == ["proposal"]


async def test_move_to_where_it_is_changes_nothing(place: Place) -> None:
    deal = await place.deal()
    place.stand.clock.advance(hours=1)
    assert await moved(place, deal, "qualification") == deal
    assert (await place.patch(f"/deals/{deal['id']}", {"pipelineStage": "qualification"})).json() == deal
    assert (await place.patch(f"/deals/{deal['id']}", {"pipelineId": deal["pipelineId"]})).json() == deal
    assert await place.told(deal) == ["deal.created"]
    assert (await place.read(f"/deals/{deal['id']}/stage-history"))["items"] == []


async def test_move_that_cannot_be_is_refused_and_nothing_written(place: Place) -> None:
    deal = await place.deal()
    url = f"/deals/{deal['id']}/move"
    for body in ({}, {"pipelineStage": None}, {"pipelineStage": "no key"}, {"pipelineStage": 1}):
        assert code_of(await place.post(url, body), 400) == "VALIDATION_ERROR"
    error = error_of(await place.post(url, {"pipelineStage": "nowhere"}), 400)
    assert (error["code"], error["details"]) == (
        "BAD_REQUEST",
        {"field": "pipelineStage", "allowed": DEFAULT},
    )
    stale = await place.post(url, {"pipelineStage": "proposal"}, if_match='"7"')
    assert code_of(stale, 412) == "STALE_VERSION"
    assert (
        code_of(await place.post(f"/deals/{NOBODY}/move", {"pipelineStage": "proposal"}), 404) == "NOT_FOUND"
    )
    assert await place.read(f"/deals/{deal['id']}") == deal
    assert (await place.read(f"/deals/{deal['id']}/stage-history"))["items"] == []


@pytest.mark.parametrize(("command", "stage"), [("mark-won", "WON"), ("mark-lost", "LOST")])
async def test_only_an_open_deal_moves_and_a_reopened_one_is_where_it_was(
    place: Place, command: str, stage: str
) -> None:
    deal = await place.deal(pipelineStage="negotiation")
    closed = (await place.post(f"/deals/{deal['id']}/{command}", {"reason": "the price"})).json()
    assert (closed["pipelineStage"], closed["stageEnteredAt"]) == ("negotiation", deal["stageEnteredAt"])
    for wanted in ("proposal", "negotiation"):
        error = error_of(await place.post(f"/deals/{deal['id']}/move", {"pipelineStage": wanted}), 409)
        assert error["code"] == "ILLEGAL_TRANSITION"
        assert error["details"] == {"from": stage, "to": wanted, "allowed": ["OPEN"]}
    refused = await place.patch(f"/deals/{deal['id']}", {"title": "T", "pipelineStage": "proposal"})
    assert code_of(refused, 409) == "ILLEGAL_TRANSITION"
    assert await place.read(f"/deals/{deal['id']}") == closed
    assert (await place.patch(f"/deals/{deal['id']}", {"pipelineStage": "negotiation"})).json() == closed
    reopened = (await place.post(f"/deals/{deal['id']}/reopen")).json()
    assert (reopened["stage"], reopened["pipelineStage"]) == ("OPEN", "negotiation")


async def test_patch_moves_too_also_to_another_pipeline(place: Place) -> None:
    made, deal = await pipeline(place), await place.deal()
    url = f"/deals/{deal['id']}"
    changed = (await place.patch(url, {"title": "Larger", "pipelineStage": "commitment"})).json()
    assert (changed["title"], changed["pipelineStage"], changed["version"]) == ("Larger", "commitment", 3)
    assert await place.told(deal) == ["deal.created", "deal.updated", "deal.stage_moved"]
    place.stand.clock.advance(seconds=1)
    changed = (await place.patch(url, {"pipelineId": made["id"]})).json()
    assert (changed["pipelineId"], changed["pipelineStage"]) == (made["id"], "first")
    place.stand.clock.advance(seconds=1)
    won = (await place.patch(url, {"pipelineStage": "last", "stage": "WON"})).json()
    assert (won["stage"], won["pipelineStage"]) == ("WON", "last")
    assert await place.names(f"{url}/stage-history", "toStage") == ["last", "first", "commitment"]
    for body in ({"pipelineId": NOBODY}, {"pipelineId": deal["pipelineId"], "pipelineStage": "last"}):
        assert code_of(await place.patch(url, body), 400) == "BAD_REQUEST"
    for body in ({"pipelineId": None}, {"pipelineStage": None}):
        assert code_of(await place.patch(url, body), 400) == "VALIDATION_ERROR"


async def test_two_moves_to_the_same_stage_at_once_are_one(place: Place) -> None:
    deal = await place.deal()
    path, body = f"/deals/{deal['id']}/move", {"pipelineStage": "proposal"}
    answers = await place.race("deal", deal, place.post(path, body), place.post(path, body))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert await place.told(deal) == ["deal.created", "deal.stage_moved"]
    assert await place.names(f"/deals/{deal['id']}/stage-history", "toStage") == ["proposal"]


async def test_list_filters_by_pipeline_stage_and_staleness(place: Place) -> None:
    made, company = await pipeline(place), await place.company()
    await place.deal(company, title="Old")
    place.stand.clock.advance(days=8)
    await place.deal(company, title="New", pipelineStage="proposal")
    await place.deal(company, title="Other", pipelineId=made["id"])
    for query, titles in (
        ({"pipelineStage": "proposal"}, {"New"}),
        ({"pipelineStage": "nowhere"}, set()),
        ({"pipelineId": made["id"]}, {"Other"}),
        ({"stale": "true"}, {"Old"}),
        ({"stale": "false"}, {"New", "Other"}),
        ({"stale": "false", "pipelineStage": "first"}, {"Other"}),
    ):
        assert set(await place.names("/deals", "title", **query)) == titles
    for query in ({"stale": "perhaps"}, {"pipelineId": "1"}, {"pipelineStage": "no key"}):
        assert code_of(await place.get("/deals", **query), 400) == "VALIDATION_ERROR"


async def test_why_a_deal_is_won_is_kept_until_it_is_reopened(place: Place) -> None:
    deal = await place.deal()
    won = (await place.post(f"/deals/{deal['id']}/mark-won", {"reason": "the best offer"})).json()
    assert won["wonReason"] == "the best offer"
    assert (await place.fact("deal.won")).deal.won_reason == "the best offer"
    again = await place.post(f"/deals/{deal['id']}/mark-won", {"reason": "another"})
    assert again.json() == won
    assert (await place.post(f"/deals/{deal['id']}/reopen")).json()["wonReason"] is None


async def test_organisation_begins_with_its_default_pipeline(place: Place) -> None:
    elsewhere = new_id()
    organisation = place.identity.add_organisation(elsewhere)
    snapshot = OrganisationSnapshot(
        id=str(elsewhere),
        version=organisation.version,
        name=organisation.name,
        slug=organisation.slug,
        status=organisation.status,
        time_zone=organisation.time_zone,
        currency=organisation.currency,
        modules=sorted(organisation.modules),
    )
    fact = OrganisationCreated(organisation=snapshot)
    assert await place.stand.deliver(fact, elsewhere, version=1, org_id=elsewhere)
    told = len(await place.stand.facts(RECORDED, org_id=elsewhere))
    async with place.stand.client("deals:read", org_id=elsewhere, user_id=new_id()) as reader:
        (made,) = (await reader.get("/api/v1/pipelines")).json()["items"]
        assert (await reader.get("/api/v1/deals/board")).json()["pipeline"] == made
    assert (made["name"], made["isDefault"], told) == ("Sales", True, 1)
    assert len(await place.stand.facts(RECORDED, org_id=elsewhere)) == told
