"""Preferences: everybody's own, in each organisation."""

import asyncio

import pytest
from services.identity.tests.place import Place

from identity.domain.roles import Role

PATH = "/settings/preferences"


async def test_everybody_keeps_their_own_in_each_organisation(place: Place) -> None:
    person, other = await place.act(Role.CASHIER), await place.act(Role.OWNER)
    elsewhere = await place.act(Role.SALES, at=await place.open(), email=person.email)
    assert (await person.browser.get(PATH)).json() == {}
    choices = {"compactNav": True, "columns": ["name", "due"], "width": 1.5, "ü": None}
    put = await person.browser.put(PATH, json=choices)
    assert (put.status_code, put.json(), put.headers["etag"]) == (200, choices, '"1"')
    read = await person.browser.get(PATH)
    assert (read.json(), read.headers["etag"]) == (choices, '"1"')
    again = await person.browser.put(PATH, json={"showHelp": False}, headers={"if-match": '"1"'})
    assert (again.json(), again.headers["etag"]) == ({"showHelp": False}, '"2"')
    stale = await person.browser.put(PATH, json={}, headers={"if-match": '"1"'})
    assert stale.status_code == 412
    assert (await other.browser.get(PATH)).json() == (await elsewhere.browser.get(PATH)).json() == {}


async def test_first_choices_that_come_twice_at_once_are_both_taken(place: Place) -> None:
    person = await place.act(Role.SALES)
    await asyncio.gather(
        *(person.browser.get(PATH) for _ in range(4))
    )  # so that nobody waits for a connection
    answers = await asyncio.gather(*(person.browser.put(PATH, json={"n": number}) for number in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert (await person.browser.get(PATH)).headers["etag"] == '"4"'


async def test_the_audit_log_does_not_tell_what_somebody_prefers(place: Place) -> None:
    person = await place.act(Role.SALES)
    for number in range(2):
        await person.browser.put(PATH, json={"secret wish": number})
    told = [
        fact for fact in await place.facts("activity.recorded") if fact.message.entity_type == "PREFERENCES"
    ]
    assert [fact.message.action for fact in told] == ["UPDATE", "UPDATE"]
    assert not any("wish" in str(fact.message) for fact in told)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'{"a": "' + b"x" * (16 * 1024) + b'"}',
        b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}",
        b"",
    ],
)
async def test_what_cannot_be_kept_is_refused(place: Place, content: bytes) -> None:
    person = await place.act(Role.SALES)
    answer = await person.browser.put(PATH, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert (await person.browser.get(PATH)).json() == {}


async def test_the_limit_is_sixteen_kibibytes_of_json(place: Place) -> None:
    person = await place.act(Role.SALES)
    frame = len(b'{"a": ""}')
    assert (await person.browser.put(PATH, json={"a": "x" * (16 * 1024 - frame)})).status_code == 200
    assert (await person.browser.put(PATH, json={"a": "x" * (16 * 1024 - frame + 1)})).status_code == 400
