"""The board: every open deal of a pipeline, counted and summed by stage and currency."""

from typing import Any

from services.sales.tests.place import NOBODY, Json, Place, code_of
from sqlalchemy import text

from chassis.ids import new_id

DEALS = """
    INSERT INTO deal (org_id, id, version, title, stage, company_id, currency, value_minor, last_activity_at,
                      pipeline_id, pipeline_stage, stage_entered_at, created_at, updated_at)
    SELECT :org_id, gen_random_uuid(), 1, 'Deal ' || n, 'OPEN', :company_id,
           (ARRAY['EUR', 'JPY', 'KWD'])[n % 3 + 1], n, now(), :pipeline_id,
           (ARRAY['qualification', 'proposal', 'negotiation', 'commitment'])[n % 4 + 1], now(),
           now() - n * interval '1 minute', now()
    FROM generate_series(1, :number) AS n
"""


async def board(place: Place, **query: Any) -> dict[str, Json]:
    """The columns by stage."""
    answer = await place.get("/deals/board", **query)
    assert answer.status_code == 200, answer.text
    return {column["stage"]: column for column in answer.json()["columns"]}


async def fill(place: Place, number: int) -> None:
    """So many open deals in the default pipeline."""
    deal = await place.deal(title="The first one")
    values = {
        "org_id": place.org_id,
        "company_id": deal["companyId"],
        "pipeline_id": deal["pipelineId"],
        "number": number,
    }
    async with place.stand.runtime.system.session(None) as session:
        await session.execute(text(DEALS), values)
        await session.commit()


async def test_empty_board_has_every_column_in_order(place: Place) -> None:
    answer = (await place.get("/deals/board")).json()
    assert set(answer) == {"pipeline", "columns"}
    assert [column["name"] for column in answer["columns"]] == [
        "Qualification",
        "Proposal",
        "Negotiation",
        "Commitment",
    ]
    empty = {"count": 0, "sums": [], "items": []}
    for column in answer["columns"]:
        assert column == empty | {"stage": column["stage"], "name": column["name"]}


async def test_board_counts_and_sums_open_deals_by_currency(place: Place) -> None:
    company = await place.company()
    for value, currency, stage in (
        ("10.50", "EUR", "proposal"),
        ("0.50", "EUR", "proposal"),
        ("1500", "JPY", "proposal"),
        (None, "USD", "proposal"),
        ("7", "KWD", "commitment"),
    ):
        await place.deal(company, valueAmount=value, currency=currency, pipelineStage=stage)
    for command in ("mark-won", "mark-lost", "archive"):
        deal = await place.deal(company, valueAmount="99", pipelineStage="proposal")
        await place.post(f"/deals/{deal['id']}/{command}")
    columns = await board(place)
    assert columns["proposal"]["count"] == 4
    assert columns["proposal"]["sums"] == [
        {"currency": "EUR", "amount": "11.00"},
        {"currency": "JPY", "amount": "1500"},
    ]
    assert columns["commitment"]["sums"] == [{"currency": "KWD", "amount": "7.000"}]
    assert columns["qualification"]["count"] == 0
    (item,) = columns["commitment"]["items"]
    assert item == await place.read(f"/deals/{item['id']}")


async def test_board_follows_every_command(place: Place) -> None:
    deal = await place.deal(valueAmount="5")
    for command, body, found in (
        ("move", {"pipelineStage": "negotiation"}, "negotiation"),
        ("mark-won", None, None),
        ("reopen", None, "negotiation"),
        ("archive", None, None),
        ("restore", None, "negotiation"),
    ):
        assert (await place.post(f"/deals/{deal['id']}/{command}", body)).status_code == 200
        columns = await board(place)
        assert [stage for stage, column in columns.items() if column["count"]] == ([found] if found else [])
        assert [stage for stage, column in columns.items() if column["items"]] == ([found] if found else [])


async def test_board_shows_the_newest_twenty_of_each_column_and_counts_all(place: Place) -> None:
    await fill(place, 120)
    columns = await board(place)
    for place_of, stage in enumerate(("proposal", "negotiation", "commitment"), start=1):
        column = columns[stage]
        assert column["count"] == 30
        numbers = [int(item["title"].removeprefix("Deal ")) for item in column["items"]]
        assert numbers == [place_of + 4 * number for number in range(20)]
    assert sum(column["count"] for column in columns.values()) == 121


async def test_board_of_another_pipeline_and_with_filters(place: Place) -> None:
    made = await place.made("/pipelines", name="Renewals", stages=[{"key": "first", "name": "First"}])
    company = await place.company()
    await place.deal(company, title="Retrofit", valueAmount="1")
    await place.deal(company, title="Renewal", valueAmount="2", pipelineId=made["id"])
    await place.deal(company, title="Repair", valueAmount="4", ownerUserId=str(place.stand.user_id))
    for query, stage, total in (
        ({"pipeline": made["id"]}, "first", "2.00"),
        ({}, "qualification", "5.00"),
        ({"q": "rePAIR"}, "qualification", "4.00"),
        ({"q": ""}, "qualification", "5.00"),
        ({"ownerUserId": place.owner}, "qualification", "1.00"),
        ({"ownerUserId": place.owner, "pipeline": made["id"]}, "first", "2.00"),
    ):
        column = (await board(place, **query))[stage]
        assert column["sums"] == [{"currency": "EUR", "amount": total}], query
    assert (await board(place, ownerUserId=NOBODY))["qualification"]["count"] == 0
    assert code_of(await place.get("/deals/board", pipeline=NOBODY), 404) == "NOT_FOUND"
    for query in ({"pipeline": "1"}, {"page": "1"}, {"archived": "true"}, {"q": "x" * 256}, {"q": "a\x00"}):
        assert code_of(await place.get("/deals/board", **query), 400) == "VALIDATION_ERROR"


async def test_deal_that_older_code_has_written_is_in_the_first_column(place: Place) -> None:
    deal = await place.deal(valueAmount="3")
    async with place.stand.runtime.system.session(None) as session:
        forget = "UPDATE deal SET pipeline_id = NULL, pipeline_stage = NULL, stage_entered_at = NULL WHERE id = :id"
        await session.execute(text(forget), {"id": deal["id"]})
        await session.commit()
    made = await place.made("/pipelines", name="Renewals", stages=[{"key": "first", "name": "First"}])
    (item,) = (await board(place))["qualification"]["items"]
    assert (item["id"], item["pipelineStage"]) == (deal["id"], None)
    assert (await board(place, pipeline=made["id"]))["first"]["count"] == 0
    moved = await place.post(f"/deals/{deal['id']}/move", {"pipelineStage": "proposal"})
    assert (moved.json()["pipelineId"], moved.json()["pipelineStage"]) == (deal["pipelineId"], "proposal")
    (step,) = (await place.read(f"/deals/{deal['id']}/stage-history"))["items"]
    assert (step["fromStage"], step["toStage"]) == (None, "proposal")


async def test_board_costs_the_same_statements_however_much_is_on_it(place: Place) -> None:
    await place.deal()
    few = (await place.get("/deals/board")).headers["server-timing"]
    await fill(place, 200)
    many = await place.get("/deals/board")
    assert many.headers["server-timing"] == few == "db;desc=3"


async def test_board_looks_at_one_organisation_only(place: Place) -> None:
    await fill(place, 20)
    elsewhere = new_id()
    place.identity.add_organisation(elsewhere)
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        shown = (await stranger.get("/api/v1/deals/board")).json()
        assert [column["count"] for column in shown["columns"]] == [0, 0, 0, 0]
