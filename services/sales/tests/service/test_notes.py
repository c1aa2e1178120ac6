"""Notes: on every kind of row, by whoever may see it; changed by their author; carried into the deal."""

from typing import Any

import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of

from chassis.ids import new_id

PATHS = ["/companies", "/contacts", "/leads", "/deals"]


async def row_of(place: Place, path: str) -> Json:
    """A row of the kind, and its title as facts have it."""
    if path in {"/companies", "/contacts"}:
        return await place.made(path, name="Brandt")
    return await (place.lead("Brandt") if path == "/leads" else place.deal(title="Brandt"))


async def noted(place: Place, path: str, row: Json, body: str = "Called twice.") -> Json:
    """A new note on a row."""
    return await place.made(f"{path}/{row['id']}/notes", body=body)


async def bodies(place: Place, path: str, row: Json, **query: Any) -> list[str]:
    """The texts of a row's notes, as they are listed."""
    return await place.names(f"{path}/{row['id']}/notes", "body", **query)


@pytest.mark.parametrize("path", PATHS)
async def test_note_is_written_listed_told_and_recorded(place: Place, path: str) -> None:
    row = await row_of(place, path)
    place.stand.clock.advance(minutes=1)
    note = await noted(place, path, row)
    assert note["entityType"] == path.strip("/").upper().replace("COMPANIES", "COMPANY").rstrip("S")
    assert (note["entityId"], note["body"], note["version"]) == (row["id"], "Called twice.", 1)
    assert note["author"] == {
        "id": str(place.stand.user_id),
        "name": "Test Person",
        "email": "person@test.example",
    }
    assert await place.read(f"/notes/{note['id']}") == note
    place.stand.clock.advance(minutes=1)
    await noted(place, path, row, "And again.")
    assert await bodies(place, path, row) == ["And again.", "Called twice."]
    answer = await place.get(f"{path}/{row['id']}/notes", limit=1)
    assert answer.headers["server-timing"] == "db;desc=2"
    told = (await place.stand.facts("sales.note.added.v1"))[0]
    assert (str(told.aggregate_id), told.message.entity_title, told.message.entity_type) == (
        note["id"],
        "Brandt",
        note["entityType"],
    )
    assert "Called" not in str(told.message)
    entry = (await place.read(f"{path}/{row['id']}/activity"))["items"][1]
    assert (entry["action"], entry["before"]) == ("NOTE_ADD", None)
    assert entry["after"] == {"noteId": note["id"], "body": "Called twice."}


async def test_only_active_members_are_mentioned(place: Place) -> None:
    company, elsewhere = await place.company(ownerUserId=place.owner), new_id()
    body = f"@[Olga]({place.owner}) @[Olga again]({place.owner}) @[Nobody]({elsewhere}) @[x](y) @[]({place.owner})"
    note = await noted(place, "/companies", company, body)
    assert (note["body"], note["mentionedUserIds"]) == (body, [place.owner])
    assert list((await place.fact("note.added")).mentioned_user_ids) == [place.owner]
    await place.suspend(place.member)
    again = await noted(place, "/companies", company, body)
    assert again["mentionedUserIds"] == []


@pytest.mark.parametrize("path", PATHS)
async def test_edit_tells_whom_it_mentions_for_the_first_time(place: Place, path: str) -> None:
    max_id = str(place.identity.add_member(place.org_id).id)
    for number, member in enumerate((place.owner, max_id)):
        await place.company(f"Known by its owner {number}", ownerUserId=member)
    row = await row_of(place, path)
    note = await noted(place, path, row, f"@[Olga]({place.owner})")
    place.stand.clock.advance(minutes=1)
    body = f"@[Olga]({place.owner}), @[Max]({max_id}) and @[nobody]({new_id()})"
    changed = (await place.patch(f"/notes/{note['id']}", {"body": body})).json()
    assert changed["mentionedUserIds"] == [place.owner, max_id]
    [told] = await place.stand.facts("sales.note.updated.v1")
    assert (str(told.aggregate_id), told.version, told.message.entity_title) == (note["id"], 2, "Brandt")
    assert told.message.entity_type == note["entityType"]
    assert list(told.message.mentioned_user_ids) == [place.owner, max_id]
    assert list(told.message.newly_mentioned_user_ids) == [max_id]
    assert "nobody" not in str(told.message)
    await place.patch(f"/notes/{note['id']}", {"body": body})
    assert len(await place.stand.facts("sales.note.updated.v1")) == 1
    await place.api.delete(f"/api/v1/notes/{note['id']}")
    [gone] = await place.stand.facts("sales.note.deleted.v1")
    assert (str(gone.aggregate_id), gone.version, gone.message.entity_id) == (note["id"], 3, row["id"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body", [{}, *({"body": body} for body in ("", "  ", None, "a\x00", "x" * 10_001, 1))]
)
async def test_bad_notes_are_refused(place: Place, path: str, body: Json) -> None:
    row = await row_of(place, path)
    error = error_of(await place.post(f"{path}/{row['id']}/notes", body), 400)
    assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", "body")
    assert await bodies(place, path, row) == []
    assert code_of(await place.post(f"{path}/{NOBODY}/notes", {"body": "x"}), 404) == "NOT_FOUND"
    assert code_of(await place.get(f"{path}/{NOBODY}/notes"), 404) == "NOT_FOUND"


@pytest.mark.parametrize("path", ["/leads", "/deals"])
async def test_note_is_activity_on_what_can_grow_stale(place: Place, path: str) -> None:
    row = await row_of(place, path)
    place.stand.clock.advance(days=60)
    assert (await place.read(f"{path}/{row['id']}"))["isStale"] is True
    stale = await place.post(f"{path}/{row['id']}/notes", {"body": "x"}, if_match='"7"')
    assert code_of(stale, 412) == "STALE_VERSION"
    await noted(place, path, row)
    now = await place.read(f"{path}/{row['id']}")
    assert (now["isStale"], now["version"], now["lastActivityAt"]) == (False, 2, now["updatedAt"])
    kind = path[1:-1]
    assert await place.told(row) == [f"{kind}.created", f"{kind}.updated"]
    told = getattr((await place.fact(f"{kind}.updated")), kind)
    assert (told.version, told.last_activity_at.ToJsonString()) == (2, now["lastActivityAt"])


async def test_note_leaves_companies_as_they_are(place: Place) -> None:
    company = await place.company()
    place.stand.clock.advance(days=1)
    await noted(place, "/companies", company)
    assert await place.read(f"/companies/{company['id']}") == company


async def test_author_changes_and_deletes_a_note(place: Place) -> None:
    company = await place.company()
    note = await noted(place, "/companies", company)
    place.stand.clock.advance(minutes=1)
    path = f"/notes/{note['id']}"
    assert code_of(await place.patch(path, {"body": "x"}, if_match='"2"'), 412) == "STALE_VERSION"
    changed = await place.patch(path, {"body": "Called once."}, if_match='"1"')
    assert (changed.json()["body"], changed.headers["etag"]) == ("Called once.", '"2"')
    assert (await place.patch(path, {"body": "Called once."})).json()["version"] == 2
    refused = await place.api.delete(f"/api/v1{path}", headers={"if-match": '"1"'})
    assert code_of(refused, 412) == "STALE_VERSION"
    assert (await place.api.delete(f"/api/v1{path}")).status_code == 204
    assert code_of(await place.get(path), 404) == "NOT_FOUND"
    assert code_of(await place.api.delete(f"/api/v1{path}"), 404) == "NOT_FOUND"
    done = (await place.read(f"/companies/{company['id']}/activity"))["items"]
    changes = {each["action"]: (each["before"], each["after"]) for each in done}
    before, after = ({"noteId": note["id"], "body": text} for text in ("Called twice.", "Called once."))
    assert changes.pop("CREATE") == (None, {"name": "Brandt GmbH"})
    assert changes == {
        "NOTE_ADD": (None, before),
        "NOTE_UPDATE": (before, after),
        "NOTE_DELETE": (after, None),
    }


async def test_others_change_a_note_only_when_they_may(place: Place) -> None:
    company = await place.company()
    note = await noted(place, "/companies", company)
    url = f"/api/v1/notes/{note['id']}"
    async with place.stand.client("companies:*", "tags:manage", user_id=new_id()) as other:
        assert (await other.get(url)).status_code == 200
        assert code_of(await other.patch(url, json={"body": "x"}), 403) == "FORBIDDEN"
        assert code_of(await other.delete(url), 403) == "FORBIDDEN"
    async with place.stand.client("deals:*", "notes:manage", user_id=new_id()) as blind:
        assert code_of(await blind.get(url), 404) == "NOT_FOUND"
        assert code_of(await blind.patch(url, json={"body": "x"}), 404) == "NOT_FOUND"
        assert code_of(await blind.delete(url), 404) == "NOT_FOUND"
    assert (await place.read(f"/notes/{note['id']}")) == note
    async with place.stand.client("companies:read", "notes:manage", user_id=new_id()) as leader:
        assert (await leader.patch(url, json={"body": "x"})).json()["author"] == note["author"]
        assert (await leader.delete(url)).status_code == 204


async def test_author_is_shown_by_the_name_of_today(place: Place) -> None:
    company = await place.company(ownerUserId=place.owner)
    async with place.stand.client(user_id=place.member.id) as member:
        answer = await member.post(f"/api/v1/companies/{company['id']}/notes", json={"body": "x"})
    assert answer.json()["author"] == {"id": place.owner, "name": "Olga Owner", "email": "olga@test.example"}


async def test_two_who_change_one_note_do_it_one_after_the_other(place: Place) -> None:
    company = await place.company()
    note = await noted(place, "/companies", company)
    calls = [place.patch(f"/notes/{note['id']}", {"body": body}, if_match='"1"') for body in ("a", "b")]
    answers = await place.race("company", company, *calls)
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_note_is_written_once_with_a_key(place: Place) -> None:
    company = await place.company()
    for _ in range(2):
        answer = await place.post(f"/companies/{company['id']}/notes", {"body": "x"}, idempotency_key="once")
        assert answer.status_code == 201
    assert await bodies(place, "/companies", company) == ["x"]


async def test_deal_has_what_was_noted_on_its_lead(place: Place) -> None:
    company = await place.company(ownerUserId=place.owner)
    lead = await place.lead(companyId=company["id"], notes="Wants it soon.")
    async with place.stand.client(user_id=place.member.id) as member:
        await member.post(f"/api/v1/leads/{lead['id']}/notes", json={"body": "Met at the fair."})
    place.stand.clock.advance(minutes=1)
    told = await noted(place, "/leads", lead, f"@[Olga]({place.owner}), twins?")
    await noted(place, "/leads", lead, "Same minute.")
    place.stand.clock.advance(minutes=1)
    await place.patch(f"/notes/{told['id']}", {"body": f"@[Olga]({place.owner}), look"})
    await noted(place, "/companies", company, "Not of the lead.")
    before = (await place.read(f"/leads/{lead['id']}/notes"))["items"]
    place.stand.clock.advance(minutes=1)
    facts = len(await place.stand.facts("sales.note.added.v1"))
    deal = await place.made(f"/leads/{lead['id']}/convert-to-deal")
    [of_text, *carried] = (await place.read(f"/deals/{deal['id']}/notes"))["items"]
    assert of_text["body"] == "Wants it soon."
    kept = ("body", "author", "mentionedUserIds", "createdAt", "updatedAt")
    assert [[note[name] for name in kept] for note in carried] == [
        [note[name] for name in kept] for note in before
    ]
    assert [note["body"] for note in carried] == [
        f"@[Olga]({place.owner}), look",
        "Same minute.",
        "Met at the fair.",
    ]
    assert {(note["entityType"], note["entityId"], note["version"]) for note in carried} == {
        ("DEAL", deal["id"], 1)
    }
    assert (await place.read(f"/leads/{lead['id']}/notes"))["items"] == before
    assert len(await place.stand.facts("sales.note.added.v1")) == facts + 1
    await place.patch(f"/notes/{carried[0]['id']}", {"body": f"@[Olga]({place.owner}), done"})
    updates = await place.stand.facts("sales.note.updated.v1")
    assert list(updates[-1].message.newly_mentioned_user_ids) == []
    assert (await place.read(f"/leads/{lead['id']}/notes"))["items"] == before


async def test_many_notes_are_carried_in_one_statement(place: Place) -> None:
    company = await place.company()
    statements = []
    for many in (1, 1, 12):
        lead = await place.lead(companyId=company["id"])
        for number in range(many):
            await noted(place, "/leads", lead, f"Call {number:02}")
        answer = await place.post(f"/leads/{lead['id']}/convert-to-deal")
        deal = answer.json()
        assert await bodies(place, "/deals", deal) == await bodies(place, "/leads", lead)
        assert len(await bodies(place, "/deals", deal)) == many
        statements.append(answer.headers["server-timing"])
    assert statements[1] == statements[2]
