"""One command: its rows, activity, facts and answer stand or fall together."""

from chassis.testing.stand import Stand


async def test_created_note_is_answered_recorded_and_published(notes: Stand) -> None:
    async with notes.client() as client:
        answer = await client.post("/api/v1/notes", json={"title": "First"})
        assert answer.status_code == 201, answer.text
        note = answer.json()
        assert answer.headers["location"] == f"/api/v1/notes/{note['id']}"
        assert answer.headers["etag"] == '"1"'
        assert (await client.get(answer.headers["location"])).json() == note
    assert await notes.actions(note["id"]) == ["CREATE"]
    assert [fact.type for fact in await notes.facts()] == ["sales.company.created.v1"]
    assert len(await notes.facts("sales.activity.recorded.v1")) == 1
