"""What an import has to do with the rest of sales: fields of one's own, tags, the board, the search."""

import pytest
from services.sales.tests.place import Json, Place
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


async def test_what_an_import_made_is_not_found_once_it_is_reverted(place: Place) -> None:
    run = await uploaded(place, "Name,Company\nErna Findling,Findling GmbH\n", entity="contact")
    await mapped(place, run)
    await ran(place, run, "apply")
    assert len((await place.get("/search", q="findling")).json()["items"]) == 2
    await ran(place, run, "revert")
    assert (await place.get("/search", q="findling")).json()["items"] == []


async def test_reverting_gives_a_company_its_old_name_wherever_it_is_found(place: Place) -> None:
    known = await place.company("Known GmbH")
    await place.contact("Jutta", companyId=known["id"])
    run = await uploaded(place, f"ID,Name\n{known['id']},Renamed GmbH\n")
    await mapped(place, run, duplicatePolicy="update")
    for action, name in (("apply", "renamed"), ("revert", "known")):
        await ran(place, run, action)
        found = (await place.get("/search", q=name)).json()["items"]
        assert {row["type"] for row in found} == {"company", "contact"}


async def test_what_a_row_refers_to_already_may_be_put_away_meanwhile(place: Place) -> None:
    known = await place.company("Known GmbH")
    deal = await place.deal(known, title="Old")
    await place.post(f"/companies/{known['id']}/archive")
    await place.suspend(place.member)
    lines = ["ID,Title,Company,Owner,Notes", f"{deal['id']},Old,Known GmbH,olga@test.example,Called"]
    run = await uploaded(place, "\n".join(lines), entity="deal")
    await mapped(place, run, duplicatePolicy="update")
    assert (await ran(place, run, "apply"))["counters"]["update"] == 1
    now = await place.read(f"/deals/{deal['id']}")
    assert (now["companyId"], now["ownerUserId"], now["notes"]) == (known["id"], place.owner, "Called")
    assert await place.names("/companies", archived="true") == ["Known GmbH"]


async def test_of_contacts_with_one_address_that_of_the_company_is_meant(place: Place) -> None:
    companies = [await place.company(name) for name in ("First", "Second")]
    contacts = [await place.contact("Jutta", companyId=each["id"], email="j@x.example") for each in companies]
    rows = "Title,Company,Contact Email\nA,Second,j@x.example\nB,First,J@x.example\n"
    run = await uploaded(place, rows, entity="lead")
    await mapped(place, run)
    await ran(place, run, "apply")
    found = {row["title"]: row["contactId"] for row in (await place.get("/leads")).json()["items"]}
    assert found == {"A": contacts[1]["id"], "B": contacts[0]["id"]}


async def test_a_row_that_could_be_several_is_refused_and_the_others_go_on(place: Place) -> None:
    for name in ("Jutta", "Jutta B."):
        await place.contact(name, email="j@x.example")
    run = await uploaded(place, "Name,Email\nJutta Brandt,j@x.example\nUwe,u@x.example\n", entity="contact")
    await mapped(place, run, duplicatePolicy="update")
    for action in ("dry-run", "apply"):
        assert (await ran(place, run, action))["counters"]["create"] == 1
        [refused] = await rows_of(place, run, verdict="invalid")
        assert refused["problems"] == [{"field": "email", "issues": ["matches several rows"]}]


async def test_rows_that_are_about_one_thing_by_different_keys_are_both_done(place: Place) -> None:
    known = await place.contact("Jutta", email="j@x.example")
    lines = ["ID,Name,Email,Title,Phone", f"{known['id']},Jutta,,CEO,", ",Jutta,j@x.example,,+49 7"]
    run = await uploaded(place, "\n".join(lines), entity="contact")
    await mapped(place, run, duplicatePolicy="update")
    await ran(place, run, "apply")
    now = await place.read(f"/contacts/{known['id']}")
    assert (now["title"], now["phone"], now["version"]) == ("CEO", "+49 7", 3)
    await ran(place, run, "revert")
    then = await place.read(f"/contacts/{known['id']}")
    assert (then["title"], then["phone"]) == (None, None)


async def test_a_company_that_was_made_for_a_row_stays_where_somebody_uses_it(place: Place) -> None:
    run = await uploaded(place, "Name,Company\nJutta,Used GmbH\nUwe,Unused GmbH\n", entity="contact")
    await mapped(place, run)
    await ran(place, run, "apply")
    used = next(row for row in (await place.get("/companies")).json()["items"] if row["name"] == "Used GmbH")
    await place.deal(used, title="Since then")
    assert (await ran(place, run, "revert"))["undone"]["reverted"] == 2
    assert await place.names("/companies") == ["Used GmbH"]


async def test_a_deal_that_needs_an_owner_is_refused_for_that(place: Place) -> None:
    await place.company("Known GmbH")
    run = await uploaded(place, "Title,Company\nBig,Known GmbH\n", entity="deal")
    await mapped(place, run)
    await ran(place, run, "dry-run")
    [refused] = await rows_of(place, run, verdict="invalid")
    issue = "A deal needs an owner in this organisation."
    assert refused["problems"] == [{"field": "owner", "issues": [issue]}]


async def test_facts_of_a_long_import_let_others_go_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.usecases.import_runs.LARGE", 1)
    lanes = {}
    for name, content in (("short", "Name\nOne\n"), ("long", "Name\nTwo\nThree\n")):
        run = await uploaded(place, content)
        await mapped(place, run)
        before = await place.stand.facts()
        await ran(place, run, "apply")
        lanes[name] = [(fact.type, fact.is_bulk) for fact in (await place.stand.facts())[len(before) :]]
    assert {is_bulk for _, is_bulk in lanes["short"]} == {False}
    assert [is_bulk for kind, is_bulk in lanes["long"] if kind == "sales.company.created.v1"] == [True, True]
    assert [is_bulk for kind, is_bulk in lanes["long"] if kind == "sales.import.finished.v1"] == [False]


async def test_value_of_one_key_is_none_of_another(place: Place) -> None:
    ann = await place.contact("Ann", email="a@x.test")
    named = await place.contact("a@x.test")
    run = await uploaded(place, "Name,Email,Title\n,a@x.test,CEO\na@x.test,,CTO\n", "contact")
    mapping = {"name": "Name", "email": "Email", "title": "Title"}
    await mapped(place, run, mapping=mapping, duplicatePolicy="update", matchBy=["email", "name"])
    assert (await ran(place, run, "apply"))["counters"]["update"] == 2
    titles = [(await place.read(f"/contacts/{each['id']}"))["title"] for each in (ann, named)]
    assert titles == ["CEO", "CTO"]


@pytest.mark.parametrize(
    ("header", "row", "mapping"),
    [
        ("First Name,Last Name", "Jutta,Brandt", {"firstName": "First Name", "lastName": "Last Name"}),
        ("Vorname,Name", "Jutta,Brandt", {"firstName": "Vorname", "name": "Name"}),
        ("Vorname,Name", "Jutta,Jutta Brandt", {"firstName": "Vorname", "name": "Name"}),
    ],
)
async def test_a_name_may_have_two_columns(place: Place, header: str, row: str, mapping: Json) -> None:
    known = await place.contact("Jutta Brandt")
    run = await uploaded(place, f"{header},Title\n{row},CEO\n,,\n", entity="contact")
    assert run["suggestedMapping"] == mapping | {"title": "Title"}
    await mapped(place, run, duplicatePolicy="update", matchBy=["name"])
    assert (await ran(place, run, "apply"))["counters"]["update"] == 1
    assert (await place.read(f"/contacts/{known['id']}"))["title"] == "CEO"
