"""Two clients and one resource: versions and idempotency keys."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi.responses import JSONResponse
from psycopg.errors import UniqueViolation
from sqlalchemy import func, select

from chassis.guards import InKeyedTx, InTx
from chassis.http import create_app, router
from chassis.idempotency import Answer, Claim, claim
from chassis.ids import new_id
from chassis.rows import idempotency
from chassis.testing.stand import Stand
from chassis.tx import Fact, Tx
from execos.sales.v1.events_pb2 import CompanyCreated
from sample.notes import MayWrite, NoteIn, NoteOut, create

KEY = {"idempotency-key": "a key"}


async def note_of(client: httpx2.AsyncClient, title: str = "One") -> Any:
    return (await client.post("/api/v1/notes", json={"title": title})).json()


# ------------------------------------------------------------------------------------------ If-Match


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"1"', 200),
        ("1", 200),
        ('W/"1"', 200),
        ("*", 200),
        (' "1" ', 200),
        ('"2"', 412),
        ('"0"', 412),
        ('"99999999999999999999"', 400),
        ('"x"', 400),
        ('"1", "2"', 200),
        ('"7","1"', 200),
        ('"7", W/"1"', 200),
        (', "1" ,, ', 200),
        ('"2", "3"', 412),
        ('"1", "x"', 400),
        ('"1", *', 400),
        ('*, "1"', 400),
        ("*, *", 400),
        ('"1" "2"', 400),
        (", ,", 400),
        ('"-1"', 400),
        ('""', 400),
        ("", 400),
        ("\u00b2", 400),
        ('W/"', 400),
    ],
)
async def test_if_match(notes: Stand, header: str, status: int) -> None:
    async with notes.client() as client:
        note = await note_of(client)
        answer = await client.patch(
            f"/api/v1/notes/{note['id']}",
            json={"title": "Two"},
            headers=[(b"if-match", header.encode("latin-1"))],
        )
        assert answer.status_code == status, answer.text
        if status == 200:
            assert answer.headers["etag"] == '"2"'
        else:
            assert (await client.get(f"/api/v1/notes/{note['id']}")).json()["title"] == "One"


async def test_lines_of_if_match_are_one_list(notes: Stand) -> None:
    async with notes.client() as client:
        path = f"/api/v1/notes/{(await note_of(client))['id']}"
        for tags, status in (((b'"7"', b'"1"'), 200), ((b'"7"', b'"1"'), 412), ((b'"2"', b"*"), 400)):
            headers = [(b"if-match", tag) for tag in tags]
            answer = await client.patch(path, json={"title": "Two"}, headers=headers)
            assert answer.status_code == status, answer.text


async def test_stale_version_tells_the_current_one(notes: Stand) -> None:
    async with notes.client() as client:
        note = await note_of(client)
        answer = await client.patch(
            f"/api/v1/notes/{note['id']}", json={"title": "Two"}, headers={"if-match": '"7"'}
        )
    assert answer.json()["error"]["code"] == "STALE_VERSION"
    assert answer.json()["error"]["details"] == {"current": 1}


async def test_of_two_writers_with_the_same_version_one_wins(notes: Stand) -> None:
    async with notes.client() as client:
        note = await note_of(client)
        answers = await asyncio.gather(
            *(
                client.patch(
                    f"/api/v1/notes/{note['id']}", json={"title": title}, headers={"if-match": '"1"'}
                )
                for title in ("A", "B", "C")
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    assert await notes.actions(note["id"]) == ["CREATE", "UPDATE"]


async def test_change_that_changes_nothing_keeps_the_version_and_says_nothing(notes: Stand) -> None:
    async with notes.client() as client:
        note = await note_of(client)
        answer = await client.patch(f"/api/v1/notes/{note['id']}", json={"title": "One"})
        assert (answer.json()["version"], answer.headers["etag"]) == (1, '"1"')
        assert (await client.patch(f"/api/v1/notes/{note['id']}", json={})).json()["version"] == 1
    assert await notes.actions(note["id"]) == ["CREATE"]
    assert await notes.facts("sales.company.updated.v1") == []


async def test_second_seal_is_an_illegal_move(notes: Stand) -> None:
    async with notes.client() as client:
        note = await note_of(client)
        assert (await client.post(f"/api/v1/notes/{note['id']}/seal")).status_code == 200
        answer = await client.post(f"/api/v1/notes/{note['id']}/seal")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ILLEGAL_TRANSITION")
    assert answer.json()["error"]["details"] == {"from": "SEALED", "to": "SEALED", "allowed": []}


# ------------------------------------------------------------------------------------------ Idempotency-Key


async def test_same_key_and_body_get_the_same_answer_and_one_effect(notes: Stand) -> None:
    async with notes.client(headers=KEY) as client:
        first = await client.post("/api/v1/notes", json={"title": "Once"})
        again = await client.post("/api/v1/notes", json={"title": "Once"})
        assert (await client.get("/api/v1/notes")).json()["total"] == 1
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    for name in ("etag", "location", "content-type"):
        assert first.headers[name] == again.headers[name]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(await notes.facts("sales.company.created.v1")) == 1


async def test_same_key_with_another_body_is_refused(notes: Stand) -> None:
    async with notes.client(headers=KEY) as client:
        await client.post("/api/v1/notes", json={"title": "Once"})
        answer = await client.post("/api/v1/notes", json={"title": "Other"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_twin_in_flight_is_told_to_come_back(notes: Stand) -> None:
    async with notes.client(headers=KEY) as client:
        async with Tx(notes.runtime.source, await notes.runtime.verifier.verify(notes.token())) as first:
            await claim(first, method="POST", route="/api/v1/notes", key="a key", digest=b"-" * 32)
            answer = await client.post("/api/v1/notes", json={"title": "Twin"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "REQUEST_IN_FLIGHT")
        assert answer.headers["retry-after"] == "1"
        assert (await client.post("/api/v1/notes", json={"title": "Twin"})).status_code == 201


async def test_many_twins_at_once_have_one_effect(notes: Stand) -> None:
    async with notes.client(headers=KEY) as client:
        answers = await asyncio.gather(
            *(client.post("/api/v1/notes", json={"title": "Once"}) for _ in range(8))
        )
        assert {answer.status_code for answer in answers} <= {201, 409}
        final = await client.post("/api/v1/notes", json={"title": "Once"})
        bodies = {answer.content for answer in answers if answer.status_code == 201}
        assert bodies == {final.content}
        assert (await client.get("/api/v1/notes")).json()["total"] == 1


async def test_twin_that_looked_before_the_first_committed_has_no_effect(notes: Stand) -> None:
    # The first commits between the snapshot and the lock of the second: the primary key is the last guard.
    actor = await notes.runtime.verifier.verify(notes.token())
    async with notes.client(headers=KEY) as client, Tx(notes.runtime.source, actor) as late:
        claimed = await claim(late, method="POST", route="/api/v1/other", key="a key", digest=b"-" * 32)
        assert isinstance(claimed, Claim)
        assert (await client.post("/api/v1/notes", json={"title": "Once"})).status_code == 201
        late.answer = replace(claimed, identity=claimed.identity | {"route": "/api/v1/notes"}).row(
            late.now, Answer(201, {}, b"")
        )
        late.publish(Fact(CompanyCreated(), new_id(), 1))
        with pytest.raises(UniqueViolation, match="pk_idempotency"):
            await late.commit()
    assert len(await notes.facts("sales.company.created.v1")) == 1


async def test_key_belongs_to_its_person_organisation_and_route(notes: Stand) -> None:
    async with (
        notes.client(headers=KEY) as client,
        notes.client(headers=KEY, user_id=new_id()) as colleague,
        notes.client(headers=KEY, org_id=new_id()) as stranger,
    ):
        first = await note_of(client, "Mine")
        assert (await note_of(colleague, "Colleague's"))["id"] != first["id"]
        assert (await note_of(stranger, "Stranger's"))["id"] != first["id"]
        answer = await client.post(f"/api/v1/notes/{first['id']}/seal")
        assert answer.json()["state"] == "SEALED"
        assert "idempotency-replayed" not in answer.headers


async def test_refused_request_leaves_its_key_free(notes: Stand) -> None:
    async with notes.client() as client:
        await note_of(client, "Taken")
        answer = await client.post("/api/v1/notes", json={"title": "Taken"}, headers=KEY)
        assert answer.status_code == 409
        assert (await client.post("/api/v1/notes", json={"title": "Free"}, headers=KEY)).status_code == 201


async def test_replay_knows_nothing_of_what_changed_since(notes: Stand) -> None:
    async with notes.client() as client:
        first = await client.post("/api/v1/notes", json={"title": "Once"}, headers=KEY)
        await client.patch(first.headers["location"], json={"title": "Changed"})
        again = await client.post("/api/v1/notes", json={"title": "Once"}, headers=KEY)
    assert again.json()["title"] == "Once"


async def test_key_is_kept_72_hours(notes: Stand) -> None:
    async with notes.client(headers=KEY) as client:
        await client.post("/api/v1/notes", json={"title": "Once"})
        notes.clock.advance(hours=71, minutes=59)
        await notes.run_periodic("house-keeping")
        assert await kept(notes) == 1
        notes.clock.advance(minutes=2)
        await notes.run_periodic("house-keeping")
        assert await kept(notes) == 0


async def kept(stand: Stand) -> int:
    async with stand.runtime.source.database.session(stand.org_id, read_only=True) as session:
        return await session.scalar(select(func.count()).select_from(idempotency)) or 0


@pytest.mark.parametrize(("key", "status"), [("x", 201), ("x" * 255, 201), ("a b~!", 201), ("x" * 256, 400)])
async def test_length_of_a_key(notes: Stand, key: str, status: int) -> None:
    async with notes.client(headers={"idempotency-key": key}) as client:
        assert (await client.post("/api/v1/notes", json={"title": "x"})).status_code == status


@pytest.mark.parametrize("key", [b"", b"\x7f", b"\xe9", b"\x00", b"a\tb"])
async def test_key_that_is_not_printable_ascii_is_refused(notes: Stand, key: bytes) -> None:
    async with notes.client() as client:
        answer = await client.post("/api/v1/notes", json={"title": "x"}, headers=[(b"idempotency-key", key)])
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"] == "Idempotency-Key"


async def test_key_is_ignored_where_repeating_is_harmless(notes: Stand) -> None:
    async with notes.client(headers=KEY) as client:
        note = await note_of(client)
        for title in ("A", "B"):
            answer = await client.patch(f"/api/v1/notes/{note['id']}", json={"title": title})
            assert answer.json()["title"] == title
        assert (await client.get("/api/v1/notes")).status_code == 200


payments = router("payments")


@payments.post("/payments", response_model=NoteOut, status_code=201)
async def pay(body: NoteIn, actor: MayWrite, tx: InKeyedTx) -> Any:
    """Move money."""
    return await create(body, actor, tx)


@payments.post("/refusals", openapi_extra={})
async def refuse_by_answer(actor: MayWrite, tx: InTx) -> JSONResponse:
    """Answer with a refusal instead of raising it."""
    return JSONResponse({"refused": str(new_id())}, 409)


@pytest.fixture
def till(notes: Stand) -> httpx2.AsyncClient:
    app = create_app("till", [payments], notes.runtime)
    headers = {"authorization": f"Bearer {notes.token()}"}
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://service.test", headers=headers)


async def test_money_moves_only_with_a_key(till: httpx2.AsyncClient) -> None:
    answer = await till.post("/api/v1/payments", json={"title": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    assert (await till.post("/api/v1/payments", json={"title": "x"}, headers=KEY)).status_code == 201


async def test_only_successes_are_stored(till: httpx2.AsyncClient) -> None:
    first, second = [await till.post("/api/v1/refusals", headers=KEY) for _ in range(2)]
    assert first.status_code == second.status_code == 409
    assert first.content != second.content
