"""What an import has to do with the rest of sales: fields of one's own, tags, the board, the search."""

from services.sales.tests.place import Place
from services.sales.tests.service.test_imports import mapped, ran, rows_of, uploaded


async def test_fields_of_ones_own_are_read_by_their_types_and_asked_for(place: Place) -> None:
    await place.made(
        "/custom-fields", entity="company", key="size", name="Size", type="number", required=True
    )
    await place.made("/custom-fields", entity="company", key="vip", name="VIP", type="bool")
    kinds = ["a", "b"]
    await place.made(
        "/custom-fields", entity="company", key="kinds", name="Kinds", type="multi", options=kinds
    )
    lines = ["Name,cf.size,cf.vip,cf.kinds", "A,7,TRUE,a; b", "B,seven,,", "C,,,", "D,1,,c"]
    run = await uploaded(place, "\n".join(lines))
    await mapped(place, run)
    assert (await ran(place, run, "apply"))["counters"]["invalid"] == 3
    [only] = (await place.get("/companies")).json()["items"]
    assert only["customFields"] == {"size": 7, "vip": True, "kinds": kinds}
    refused = await rows_of(place, run, verdict="invalid")
    fields = [problem["field"] for row in refused for problem in row["problems"]]
    assert fields == ["cf.size", "cf.size", "cf.kinds"]


async def test_tags_of_a_file_are_words_of_the_dictionary(place: Place) -> None:
    await place.made("/tags", name="VIP")
    run = await uploaded(place, 'Name,Tags\nA,"vip, new"\nB,New\n')
    await mapped(place, run)
    await ran(place, run, "apply")
    tags = {row["name"]: row["tags"] for row in (await place.get("/companies")).json()["items"]}
    assert tags["A"] == ["VIP", tags["B"][0]]
    assert {row["name"] for row in (await place.get("/tags")).json()["items"]} == {"VIP", tags["B"][0]}


async def test_deals_of_a_file_are_on_the_board_and_rows_are_found(place: Place) -> None:
    await place.company("Known", ownerUserId=place.owner)
    run = await uploaded(
        place, "Title,Company,Owner\nBig fence,Acme Fences,olga@test.example\n", entity="deal"
    )
    await mapped(place, run)
    await ran(place, run, "apply")
    columns = (await place.get("/deals/board")).json()["columns"]
    assert [(column["count"], [row["title"] for row in column["items"]]) for column in columns[:1]] == [
        (1, ["Big fence"])
    ]
    found = (await place.get("/search", q="fence")).json()["items"]
    assert {(row["type"], row["title"]) for row in found} == {
        ("deal", "Big fence"),
        ("company", "Acme Fences"),
    }
