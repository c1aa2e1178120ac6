"""Merging a company that has much: bounded, slice by slice, and behind what everybody else has to tell."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from services.sales.tests.place import Json, Place, error_of
from sqlalchemy import select, text

from chassis.rows import outbox
from chassis.tx import Fact
from sales.domain.finding import EntityType
from sales.published import contact_updated
from sales.usecases.finding import index_rows
from sales.usecases.merges import _UPDATED

HOLD_ALL = text("SELECT id FROM company WHERE org_id = :org_id FOR UPDATE")
MERGE, PREVIEW = "/companies/merge", "/companies/merge/preview"
MOVED = ["sales.contact.updated.v1", "sales.lead.updated.v1", "sales.deal.updated.v1"]
RECORDED, DUPLICATE = "sales.activity.recorded.v1", "sales.duplicate.detected.v1"


async def two(place: Place, contacts: int = 1) -> Json:
    """The body that merges the second of two companies, which has contacts, a lead and a deal, into the first."""
    a, b = await place.company("Alpha"), await place.company("Beta", phone="+49301234567")
    for number in range(contacts):
        await place.contact(f"Contact {number}", companyId=b["id"])
    await place.lead("Line", companyId=b["id"])
    await place.deal(b, title="Press")
    return {"survivorId": a["id"], "mergedId": b["id"]}


async def done(place: Place, path: str, body: Json | None = None) -> str:
    """Merge, or undo a merge; the path that undoes it."""
    answer = await place.post(path, body)
    assert answer.status_code == 200, answer.text
    return f"/companies/merges/{answer.json()['mergeId']}/revert"


async def lanes(place: Place) -> list[tuple[str, bool]]:
    """All that was told, the audit feed too, and whether it lets others go first; oldest first."""
    wanted = select(outbox.c.type, outbox.c.is_bulk).where(outbox.c.org_id == place.org_id)
    async with place.stand.runtime.system.session(None, read_only=True) as session:
        return [(row.type, row.is_bulk) for row in await session.execute(wanted.order_by(outbox.c.id))]


@asynccontextmanager
async def held(place: Place) -> AsyncIterator[None]:
    """Somebody else is changing every company."""
    async with place.stand.runtime.system.session(None) as holder:
        await holder.execute(HOLD_ALL, {"org_id": place.org_id})
        yield


async def test_what_many_moved_rows_tell_lets_others_go_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.usecases.merges.LARGE", 2)
    body = await two(place)
    await place.company("Gamma", phone="+49301234567")  # the survivor will look like it
    path = MERGE
    for first, last in (
        ("company.merged", "company.archived"),
        ("company.merge_reverted", "company.restored"),
    ):
        before = len(await lanes(place))
        path = await done(place, path, body if path == MERGE else None)
        told = (await lanes(place))[before:]
        moved = [each for each in told if each[0] in MOVED]
        assert moved == [(kind, True) for kind in MOVED]
        assert [is_bulk for kind, is_bulk in told if kind == RECORDED] == [False] * 2 + [True] * 3
        others = [each for each in told if each[0] not in {*MOVED, RECORDED}]
        assert {is_bulk for _, is_bulk in others} == {False}
        names = [kind.removeprefix("sales.").removesuffix(".v1") for kind, _ in told if kind != RECORDED]
        assert names[:3] == [first, "company.updated", last]
    kinds = [kind for kind, _ in await lanes(place)]
    assert kinds.index(MOVED[-1]) < len(kinds) - kinds[::-1].index(DUPLICATE) - 1  # told after what has moved


async def test_what_few_moved_rows_tell_waits_for_nobody(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.usecases.merges.LARGE", 3)
    await done(place, await done(place, MERGE, await two(place)))
    assert {is_bulk for _, is_bulk in await lanes(place)} == {False}


async def test_rows_move_and_are_indexed_slice_by_slice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    async def noted(tx: Any, kind: EntityType, rows: Any) -> None:
        sizes.append(len(rows))
        await index_rows(tx, kind, rows)

    body = await two(place, contacts=5)
    monkeypatch.setattr("sales.usecases.merges.SLICE", 2)
    monkeypatch.setattr("sales.usecases.merges.index_rows", noted)
    path = await done(place, MERGE, body)
    assert await place.names("/contacts", "companyId") == [body["survivorId"]] * 5
    assert len(await place.names("/search", "title", q="alpha")) == 8
    await done(place, path)
    assert await place.names("/contacts", "companyId") == [body["mergedId"]] * 5
    assert len(await place.names("/search", "title", q="beta")) == 8
    both = [2, 2, 1, 1, 1, 2]  # contacts, the lead, the deal, both companies
    assert sizes == both * 2


async def test_others_have_their_turn_while_many_rows_are_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[int] = []
    turn = 0

    async def others() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def told(contact: Any) -> Fact:
        turns.append(turn)
        return contact_updated(contact)

    body = await two(place, contacts=6)
    monkeypatch.setattr("sales.usecases.merges.AT_A_TIME", 2)
    monkeypatch.setitem(_UPDATED, EntityType.CONTACT, told)
    busy = asyncio.ensure_future(others())
    await done(place, MERGE, body)
    busy.cancel()
    assert (len(turns), len(set(turns))) == (6, 3)


@pytest.mark.parametrize("path", [MERGE, PREVIEW])
async def test_more_than_one_merge_moves_is_refused_before_anything_is_locked(
    place: Place, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    body = await two(place, contacts=2)
    await place.made(f"/companies/{body['mergedId']}/notes", body="note")
    monkeypatch.setattr("sales.domain.merging.MAX_MOVED", 4)
    async with held(place):
        error = error_of(await place.post(path, body), 409)
    assert error["code"] == "MERGE_TOO_LARGE"
    moves = {"contacts": 2, "leads": 1, "deals": 1, "notes": 1}
    assert error["details"] == {"moves": moves, "limit": 4}
    assert (await place.read(f"/companies/{body['mergedId']}"))["archivedAt"] is None
    monkeypatch.setattr("sales.domain.merging.MAX_MOVED", 5)
    assert (await place.post(path, body)).status_code == 200


async def test_what_was_merged_can_be_undone_whatever_its_size(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await done(place, MERGE, await two(place))
    monkeypatch.setattr("sales.domain.merging.MAX_MOVED", 0)
    await done(place, path)


async def test_preview_waits_for_nobody_who_is_changing_the_companies(place: Place) -> None:
    body = await two(place)
    async with held(place):
        answer = await place.post(PREVIEW, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["moves"] == {"contacts": 1, "leads": 1, "deals": 1, "notes": 0}


async def test_a_row_that_goes_elsewhere_during_a_merge_is_left_alone(place: Place) -> None:
    """It was listed as the merged company's, and is not any more when its turn comes: it is neither moved nor told."""
    body = await two(place)
    gamma = await place.company("Gamma")
    (lead,) = (await place.get("/leads")).json()["items"]
    move = text("UPDATE lead SET company_id = :gamma WHERE id = :id")
    async with place.stand.runtime.system.session(None) as other:
        await other.execute(move, {"gamma": gamma["id"], "id": lead["id"]})
        merge = asyncio.ensure_future(done(place, MERGE, body))
        await asyncio.sleep(0.3)
        assert not merge.done()
        await other.commit()
    await merge
    now = await place.read(f"/leads/{lead['id']}")
    assert (now["companyId"], now["version"]) == (gamma["id"], lead["version"])
    assert await place.told(lead) == ["lead.created"]
