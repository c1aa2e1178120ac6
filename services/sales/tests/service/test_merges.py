"""Merging: one company takes in another one with all it has, and gives it back."""

from collections.abc import Sequence

import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of

from chassis.ids import new_id

PATHS = ("/contacts", "/leads", "/deals")


async def two(place: Place) -> tuple[Json, Json]:
    """Two companies of which the second has a row of each kind, and the first a contact."""
    a = await place.company("Alpha", industry="Steel", email="a@x.example", ownerUserId=place.owner)
    b = await place.company("Beta", industry="Rail", phone="+49301234567", address={"country": "DE"})
    await place.contact("Anna", companyId=a["id"])
    contact = await place.contact("Bert", companyId=b["id"], email="bert@x.example")
    await place.lead("Line", companyId=b["id"], contactId=contact["id"])
    await place.deal(b, title="Press", contactId=contact["id"], valueAmount="10.00")
    return a, b


async def everything(place: Place, *companies: Json) -> Json:
    """Every row of these companies and they themselves, without the version: that goes on."""
    rows = [await place.read(f"/companies/{company['id']}") for company in companies]
    for path in PATHS:
        rows += (await place.get(path, archived="true", pageSize=100)).json()["items"]
    return {row["id"]: {name: row[name] for name in row if name != "version"} for row in rows}


async def merged(place: Place, a: Json, b: Json, **fields: str) -> Json:
    answer = await place.post(
        "/companies/merge", {"survivorId": a["id"], "mergedId": b["id"], "fields": fields}
    )
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def owners_of(place: Place) -> list[set[str]]:
    return [set(await place.names(path, "companyId")) for path in PATHS]


async def actions(place: Place, row: Json) -> Sequence[str]:
    return await place.stand.actions(row["id"])


async def test_what_belonged_to_the_merged_belongs_to_the_survivor(place: Place) -> None:
    a, b = await two(place)
    place.stand.clock.advance(minutes=1)
    body = await merged(place, a, b, industry="b", email="a")
    survivor = body["survivor"]
    assert set(body) == {"mergeId", "survivor"}
    assert (survivor["name"], survivor["industry"], survivor["email"]) == ("Alpha", "Rail", "a@x.example")
    assert (survivor["phone"], survivor["address"]["country"]) == ("+49301234567", "DE")  # filled up
    assert await owners_of(place) == [{a["id"]}] * 3
    gone = await place.read(f"/companies/{b['id']}")
    assert (gone["mergedIntoId"], gone["archivedAt"]) == (a["id"], "2026-03-10T12:01:00Z")
    assert await place.names("/companies") == ["Alpha"]


async def test_notes_move_along_and_back(place: Place) -> None:
    a, b = await two(place)
    await place.made(f"/companies/{a['id']}/notes", body="of Alpha")
    note = await place.made(f"/companies/{b['id']}/notes", body="of Beta")
    body = await merged(place, a, b)
    later = await place.made(f"/companies/{a['id']}/notes", body="later")
    assert sorted(await place.names(f"/companies/{a['id']}/notes", "body")) == [
        "later",
        "of Alpha",
        "of Beta",
    ]
    await place.post(f"/companies/merges/{body['mergeId']}/revert")
    assert sorted(await place.names(f"/companies/{a['id']}/notes", "body")) == ["later", "of Alpha"]
    [back] = (await place.get(f"/companies/{b['id']}/notes")).json()["items"]
    assert back == note
    assert (await place.read(f"/notes/{later['id']}"))["body"] == "later"


async def test_fields_of_ones_own_are_filled_up_and_given_back(place: Place) -> None:
    for key in ("size", "colour"):
        await place.made("/custom-fields", entity="company", key=key, name=key, type="text")
    a = await place.company("Alpha", customFields={"size": "big"})
    b = await place.company("Beta", customFields={"size": "small", "colour": "red"})
    body = await merged(place, a, b)
    assert body["survivor"]["customFields"] == {"size": "big", "colour": "red"}
    reverted = (await place.post(f"/companies/merges/{body['mergeId']}/revert")).json()
    assert reverted["survivor"]["customFields"] == {"size": "big"}
    assert reverted["merged"]["customFields"] == {"size": "small", "colour": "red"}


async def test_the_other_name_can_be_taken_and_is_given_back(place: Place) -> None:
    a, b = await two(place)
    body = await merged(place, a, b, name="b")
    assert body["survivor"]["name"] == "Beta"
    assert code_of(await place.post("/companies", {"name": "beta"}), 409) == "COMPANY_EXISTS"
    reverted = (await place.post(f"/companies/merges/{body['mergeId']}/revert")).json()
    assert (reverted["survivor"]["name"], reverted["merged"]["name"]) == ("Alpha", "Beta")


async def test_everything_is_told_and_recorded(place: Place) -> None:
    a, b = await two(place)
    contact = next(each for each in (await place.get("/contacts")).json()["items"] if each["name"] == "Bert")
    place.stand.clock.advance(minutes=1)
    body = await merged(place, a, b)
    told = await place.fact("company.merged")
    assert (told.company.id, told.merged.id, told.merge_id) == (a["id"], b["id"], body["mergeId"])
    assert told.merged.merged_into_id == a["id"]
    assert await place.told(b) == ["company.created", "company.archived"]
    assert await place.told(contact) == ["contact.created", "contact.updated"]
    for kind in ("lead", "deal"):
        assert getattr(await place.fact(f"{kind}.updated"), kind).company.id == a["id"]
    assert [await actions(place, each) for each in (a, b)] == [["CREATE", "MERGE"]] * 2
    entry = (await place.get(f"/contacts/{contact['id']}/activity")).json()["items"][0]
    assert (entry["before"], entry["after"]) == ({"companyId": b["id"]}, {"companyId": a["id"]})
    await place.post(f"/companies/merges/{body['mergeId']}/revert")
    told = await place.fact("company.merge_reverted")
    assert (told.company.id, told.merged.id, told.merged.merged_into_id) == (a["id"], b["id"], "")
    assert [await actions(place, each) for each in (a, b)] == [["CREATE", "MERGE", "REVERT_MERGE"]] * 2


async def test_undoing_gives_every_row_its_values_back(place: Place) -> None:
    a, b = await two(place)
    before = await everything(place, a, b)
    place.stand.clock.advance(hours=1)
    body = await merged(place, a, b, name="b", industry="b", ownerUserId="b")
    assert await everything(place, a, b) != before
    place.stand.clock.advance(hours=1)
    answer = await place.post(f"/companies/merges/{body['mergeId']}/revert")
    assert answer.status_code == 200, answer.text
    assert await everything(place, a, b) == before


async def test_undoing_leaves_alone_what_was_changed_since(place: Place) -> None:
    a, b = await two(place)
    other = await place.company("Gamma")
    body = await merged(place, a, b, industry="b", phone="b")
    deal = (await place.get("/deals")).json()["items"][0]
    lead = (await place.get("/leads")).json()["items"][0]
    await place.patch(f"/companies/{a['id']}", {"industry": "Ships"})
    await place.patch(f"/leads/{lead['id']}", {"companyId": other["id"], "contactId": None})
    reverted = (await place.post(f"/companies/merges/{body['mergeId']}/revert")).json()
    assert (reverted["survivor"]["industry"], reverted["survivor"]["phone"]) == ("Ships", None)
    assert (await place.read(f"/leads/{lead['id']}"))["companyId"] == other["id"]
    assert (await place.read(f"/deals/{deal['id']}"))["companyId"] == b["id"]


async def test_tags_are_united_and_own_fields_filled_up(place: Place) -> None:
    a, b = await two(place)
    await place.label("company", a, tags=["VIP"], custom_fields={"size": 5})
    await place.label("company", b, tags=["vip", "new"], custom_fields={"size": 7, "region": "north"})
    survivor = (await merged(place, a, b))["survivor"]
    assert survivor["tags"] == ["VIP", "new"]
    assert survivor["customFields"] == {"size": 5, "region": "north"}


async def test_merges_are_found_and_lost_again(place: Place) -> None:
    a, b = await two(place)
    body = await merged(place, a, b)

    async def titles(q: str) -> set[str]:
        return {each["title"] for each in (await place.get("/search", q=q)).json()["items"]}

    assert (await titles("beta"), await titles("alpha")) == (
        set(),
        {"Alpha", "Anna", "Bert", "Line", "Press"},
    )
    await place.post(f"/companies/merges/{body['mergeId']}/revert")
    assert (await titles("beta"), await titles("alpha")) == (
        {"Beta", "Bert", "Line", "Press"},
        {"Alpha", "Anna"},
    )


async def test_preview_says_what_would_happen_and_writes_nothing(place: Place) -> None:
    a, b = await two(place)
    before, facts = await everything(place, a, b), len(await place.stand.facts())
    body = {"survivorId": a["id"], "mergedId": b["id"], "fields": {"industry": "b", "ownerUserId": "b"}}
    answer = await place.post("/companies/merge/preview", body)
    shown = answer.json()
    assert shown["moves"] == {"contacts": 1, "leads": 1, "deals": 1, "notes": 0}
    assert (shown["survivor"]["id"], shown["survivor"]["industry"], shown["survivor"]["owner"]) == (
        a["id"], "Rail", None,
    )  # fmt: skip
    assert (await everything(place, a, b), len(await place.stand.facts())) == (before, facts)
    done = (await place.post("/companies/merge", body)).json()["survivor"]
    assert {name: done[name] for name in done if name != "version"} == {
        name: shown["survivor"][name] for name in done if name != "version"
    }


async def test_second_revert_is_refused(place: Place) -> None:
    path = f"/companies/merges/{(await merged(place, *await two(place)))['mergeId']}/revert"
    assert (await place.post(path)).status_code == 200
    facts = len(await place.stand.facts())
    assert code_of(await place.post(path), 409) == "MERGE_ALREADY_REVERTED"
    assert len(await place.stand.facts()) == facts
    assert code_of(await place.post(f"/companies/merges/{NOBODY}/revert"), 404) == "NOT_FOUND"


async def test_what_is_archived_or_merged_is_not_merged(place: Place) -> None:
    a, b = await two(place)
    c = await place.company("Gamma")
    first = await merged(place, a, b)
    for survivor, gone in ((c, b), (b, c), (a, b)):
        body = {"survivorId": survivor["id"], "mergedId": gone["id"]}
        error = error_of(await place.post("/companies/merge", body), 409)
        assert error["code"] == "COMPANY_ARCHIVED"
        assert error["details"] == {"companyId": b["id"], "mergedIntoId": a["id"]}
        assert code_of(await place.post("/companies/merge/preview", body), 409) == "COMPANY_ARCHIVED"
    assert code_of(await place.post(f"/companies/{b['id']}/restore"), 409) == "COMPANY_MERGED"
    second = await merged(place, c, a)
    path = f"/companies/merges/{first['mergeId']}/revert"
    assert code_of(await place.post(path), 409) == "MERGE_OUTLIVED"
    assert (await place.post(f"/companies/merges/{second['mergeId']}/revert")).status_code == 200
    assert (await place.post(path)).status_code == 200


async def test_a_name_that_was_taken_meanwhile_stops_the_undoing(place: Place) -> None:
    body = await merged(place, *await two(place))
    await place.company("beta")
    path = f"/companies/merges/{body['mergeId']}/revert"
    assert code_of(await place.post(path), 409) == "COMPANY_EXISTS"


async def test_of_two_merges_at_once_one_wins(place: Place) -> None:
    a, b = await two(place)
    there = {"survivorId": a["id"], "mergedId": b["id"]}
    back = {"survivorId": b["id"], "mergedId": a["id"]}
    answers = await place.race(
        "company", a, place.post("/companies/merge", there), place.post("/companies/merge", back)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await place.stand.facts("sales.company.merged.v1")) == 1


async def test_of_two_reverts_at_once_one_wins(place: Place) -> None:
    body = await merged(place, *await two(place))
    path = f"/companies/merges/{body['mergeId']}/revert"
    answers = await place.race("merge_log", {"id": body["mergeId"]}, place.post(path), place.post(path))
    (refused,) = [answer for answer in answers if answer.status_code != 200]
    assert code_of(refused, 409) == "MERGE_ALREADY_REVERTED"


@pytest.mark.parametrize("place_in_queue", [0, 1])
async def test_a_contact_that_comes_during_a_merge_does_not_stay_behind(
    place: Place, place_in_queue: int
) -> None:
    a, b = await two(place)
    merge = place.post("/companies/merge", {"survivorId": a["id"], "mergedId": b["id"]})
    contact = place.post("/contacts", {"name": "Late", "companyId": b["id"]})
    calls = [merge]
    calls.insert(place_in_queue, contact)
    answers = await place.race("company", b, *calls)
    made = answers.pop(place_in_queue).status_code
    assert (answers[0].status_code, made in {201, 400}) == (200, True)
    late = [row for row in (await place.get("/contacts")).json()["items"] if row["name"] == "Late"]
    assert [row["companyId"] for row in late] == ([a["id"]] if made == 201 else [])


@pytest.mark.parametrize("field", ["survivorId", "mergedId"])
async def test_companies_that_are_not_here_are_refused(place: Place, field: str) -> None:
    a, b = await two(place)
    body = {"survivorId": a["id"], "mergedId": b["id"]} | {field: NOBODY}
    for path in ("/companies/merge", "/companies/merge/preview"):
        error = error_of(await place.post(path, body), 400)
        assert (error["code"], error["details"]["field"]) == ("BAD_REQUEST", field)


async def test_another_organisations_merge_is_not_there(place: Place) -> None:
    body = await merged(place, *await two(place))
    elsewhere = new_id()
    place.identity.add_organisation(elsewhere)
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        answer = await stranger.post(f"/api/v1/companies/merges/{body['mergeId']}/revert")
        assert code_of(answer, 404) == "NOT_FOUND"


async def test_bodies_are_checked(place: Place) -> None:
    a, b = await two(place)
    good = {"survivorId": a["id"], "mergedId": b["id"]}
    for bad in (
        {}, good | {"mergedId": a["id"]}, good | {"fields": {"name": "c"}}, good | {"fields": {"size": "a"}},
        good | {"fields": None}, good | {"preview": True}, good | {"survivorId": "1"},
    ):  # fmt: skip
        assert code_of(await place.post("/companies/merge", bad), 400) == "VALIDATION_ERROR", bad
    stale = await place.post("/companies/merge", good, if_match='"7"')
    assert code_of(stale, 412) == "STALE_VERSION"
    assert (await place.read(f"/companies/{b['id']}"))["archivedAt"] is None


async def test_merge_is_a_constant_number_of_statements(place: Place) -> None:
    counts = []
    for number, size in enumerate((1, 9)):
        a, b = await place.company(f"A {number}"), await place.company(f"B {number}")
        for each in range(size):
            await place.contact(f"C {each}", companyId=b["id"])
        answer = await place.post("/companies/merge", {"survivorId": a["id"], "mergedId": b["id"]})
        counts.append(answer.headers.get("server-timing"))
    assert counts[0] == counts[1] is not None


async def test_what_names_a_merged_company_is_told_where_it_is(place: Place) -> None:
    a, b = await two(place)
    c = await place.company("Gamma")
    lead, deal = await place.lead("L"), await place.deal(c, title="D")
    await merged(place, a, b)
    assert (await place.read(f"/companies/{b['id']}"))["mergedIntoId"] == a["id"]
    new = {"companyId": b["id"], "ownerUserId": place.owner}
    for survivor in (a, c):
        for answer in (
            await place.post("/deals", new | {"title": "New"}),
            await place.post("/leads", new | {"title": "New"}),
            await place.post("/contacts", new | {"name": "New"}),
            await place.patch(f"/leads/{lead['id']}", {"companyId": b["id"]}),
            await place.patch(f"/deals/{deal['id']}", {"companyId": b["id"]}),
        ):
            error = error_of(answer, 400)
            assert error["code"] == "BAD_REQUEST"
            assert error["details"] == {"field": "companyId", "mergedIntoId": survivor["id"]}
        await merged(place, c, a) if survivor is a else None


async def test_a_merged_company_is_changed_no_more(place: Place) -> None:
    a, b = await two(place)
    merge_id = (await merged(place, a, b))["mergeId"]
    path = f"/companies/{b['id']}"
    for answer in (
        await place.patch(path, {"industry": "Ships"}),
        await place.api.put(f"/api/v1{path}/tags", json={"tags": ["VIP"]}),
        await place.post(f"{path}/notes", {"body": "Lost?"}),
        await place.post(f"{path}/restore"),
    ):
        error = error_of(answer, 409)
        assert (error["code"], error["details"]) == ("COMPANY_MERGED", {"mergedIntoId": a["id"]})
    await place.post(f"/companies/merges/{merge_id}/revert")
    assert (await place.patch(path, {"industry": "Ships"})).json()["industry"] == "Ships"


async def test_views_of_a_merged_company_follow_and_go_back(place: Place) -> None:
    a, b = await two(place)

    async def view(**filters: str) -> Json:
        return await place.made("/views", name="V", entity="deal", filters=filters)

    views = [
        await view(companyId=b["id"], stage="OPEN"),
        await view(companyId=a["id"]),
        await view(stage="OPEN"),
    ]
    body = await merged(place, a, b)
    now = [(await place.read(f"/views/{each['id']}"))["filters"] for each in views]
    assert now == [{"companyId": a["id"], "stage": "OPEN"}, {"companyId": a["id"]}, {"stage": "OPEN"}]
    await place.post(f"/companies/merges/{body['mergeId']}/revert")
    assert [await place.read(f"/views/{each['id']}") for each in views] == views
