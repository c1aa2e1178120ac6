"""The history of an entity: shape, aliases, order, redaction, tenant."""

from uuid import uuid4

from chassis.ids import new_id
from chassis.testing.stand import Stand


async def test_history_tells_who_changed_what_with_the_reference_names_beside(notes: Stand) -> None:
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "First", "secret": "s3cret"})).json()
        notes.clock.advance(seconds=1)
        changed = {"title": "Second", "secret": "other"}
        answer = await client.patch(
            f"/api/v1/notes/{note['id']}", json=changed, headers={"x-request-id": (request := str(uuid4()))}
        )
        assert answer.status_code == 200
        history = (await client.get(f"/api/v1/notes/{note['id']}/activity")).json()
    assert history["totalCount"] == history["total"] == 2
    newest, oldest = history["items"]
    actor = {"id": str(notes.user_id), "name": "Test Person", "email": "person@test.example", "kind": "user"}
    assert newest["actor"] == newest["actorUser"] == actor
    assert newest["before"] == newest["beforeJson"] == {"title": "First", "secret": "[redacted]"}
    assert newest["after"] == newest["afterJson"] == {"title": "Second", "secret": "[redacted]"}
    assert newest["at"] == newest["createdAt"]
    assert newest["at"].endswith("Z")
    assert (newest["entityType"], newest["entityId"], newest["action"]) == ("NOTE", note["id"], "UPDATE")
    assert newest["requestId"] == request
    assert (oldest["action"], oldest["before"]) == ("CREATE", None)
    assert oldest["after"]["title"] == "First"


async def test_history_is_sorted_paged_and_one_statement_more_than_its_entity(notes: Stand) -> None:
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "Sorted"})).json()
        notes.clock.advance(seconds=1)
        await client.post(f"/api/v1/notes/{note['id']}/seal")
        path = f"/api/v1/notes/{note['id']}/activity"
        by_action = await client.get(path, params={"sortBy": "action", "sortDir": "desc"})
        assert [entry["action"] for entry in by_action.json()["items"]] == ["SEAL", "CREATE"]
        assert by_action.headers["server-timing"] == "db;desc=2"
        page = (await client.get(path, params={"limit": 1})).json()
        assert [entry["action"] for entry in page["items"]] == ["SEAL"]
        rest = (await client.get(path, params={"limit": 1, "cursor": page["nextCursor"]})).json()
        assert [entry["action"] for entry in rest["items"]] == ["CREATE"]
        assert rest["nextCursor"] is None
        assert (await client.get(path, params={"sortBy": "actor"})).status_code == 400


async def test_history_of_a_foreign_or_unknown_entity_is_not_found(notes: Stand) -> None:
    async with notes.client() as client, notes.client(org_id=new_id()) as stranger:
        note = (await client.post("/api/v1/notes", json={"title": "Mine"})).json()
        assert (await stranger.get(f"/api/v1/notes/{note['id']}/activity")).status_code == 404
        assert (await client.get(f"/api/v1/notes/{new_id()}/activity")).status_code == 404
