"""What the gateway is answered about hosts that organisations have of their own."""

from collections.abc import AsyncIterator
from uuid import uuid4

import orjson
import pytest
from services.identity.tests.gate import Check, asking, headers_of, status
from services.identity.tests.place import Place
from sqlalchemy import event

from identity.domain.domains import Domain
from identity.domain.organisations import OrganisationState
from identity.store import domains


@pytest.fixture
async def check(place: Place) -> AsyncIterator[Check]:
    """Asks as the gateway does."""
    async with asking(place) as check:
        yield check


async def own_host(place: Place) -> str:
    """A host of the owner's organisation, outside of everything."""
    host = f"crm.{uuid4().hex[:12]}.example"
    async with place.reception.tx() as tx:
        tx.add(Domain.of(place.owner.org_id, host, tx.now, is_primary=False))
    return host


async def test_an_own_host_leads_to_its_organisation(place: Place, check: Check) -> None:
    host = await own_host(place)
    for written in (host, host.upper(), f"{host}:8443", f"{host}."):
        answer = await check(None, host=written)
        assert headers_of(answer) == {"x-execos-tenant": place.owner.slug}


async def test_any_other_host_is_unknown(check: Check) -> None:
    for host in ("evil.example", "10.0.0.1", "x", "a.b.c.d.e"):
        answer = await check(None, host=host)
        assert status(answer) == 404
        assert orjson.loads(answer.denied_response.body)["error"]["code"] == "UNKNOWN_HOST"


@pytest.mark.parametrize(
    ("state", "told", "code"),
    [
        (OrganisationState.INACTIVE, 403, "ORGANISATION_INACTIVE"),
        (OrganisationState.ARCHIVED, 403, "ORGANISATION_INACTIVE"),
        (OrganisationState.PROVISIONING_FAILED, 503, "SERVICE_UNAVAILABLE"),
    ],
)
async def test_a_closed_organisation_says_so(
    place: Place, check: Check, state: OrganisationState, told: int, code: str
) -> None:
    host = await own_host(place)
    await place.change_organisation(place.owner, status=state)
    answer = await check(None, host=host)
    assert status(answer) == told
    assert orjson.loads(answer.denied_response.body)["error"]["code"] == code


async def test_a_new_host_is_known_within_five_seconds_and_none_is_asked_for_twice(
    place: Place, check: Check
) -> None:
    assert status(await check(None, host="nobody.example")) == 404
    host = await own_host(place)
    asked: list[str] = []
    engine = place.reception.source.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    for _ in range(3):
        assert status(await check(None, host=host)) == 404
    assert asked == []
    place.stand.clock.advance(seconds=5)
    for _ in range(3):
        assert status(await check(None, host=host)) == 200
    assert len(asked) == 1


async def test_what_was_known_stays_known_while_the_database_is_away(
    place: Place, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await own_host(place)
    assert status(await check(None, host=host)) == 200
    place.stand.clock.advance(minutes=1)
    monkeypatch.setattr(place.reception.source.database, "session", None)
    assert status(await check(None, host=host)) == 200


async def test_every_place_is_listed_whatever_its_state(place: Place) -> None:
    host = await own_host(place)
    await place.change_organisation(place.owner, status=OrganisationState.ARCHIVED)
    async with place.reception.tx() as tx:
        places = {each.host: each for each in await domains.list_places(tx.session)}
    assert (places[host].slug, places[host].status) == (place.owner.slug, "archived")
