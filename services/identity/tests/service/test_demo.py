"""Demo data: complete, repeatable, refused in production."""

import pytest
import typer
from services.identity.tests.place import Person, Place
from services.identity.tests.platform_owner import PLATFORM_HOST
from sqlalchemy import select

from identity.domain.demo import ORGANISATIONS, PASSWORD, PLATFORM_EMAIL, PLATFORM_PASSWORD
from identity.domain.members import Membership
from identity.domain.organisations import Organisation
from identity.main import seed
from identity.store import organisations
from identity.usecases import demo


async def _organisation(place: Place, slug: str) -> Organisation:
    async with place.reception.tx() as tx:
        found = await organisations.find_by_slug(tx.session, slug)
    assert found is not None
    return found


async def test_demo_people_can_sign_in_and_everything_is_told(place: Place) -> None:
    await demo.seed(place.reception)
    acme = await _organisation(place, "acme")
    assert (acme.name, acme.time_zone, acme.currency) == ("Acme Works", "Europe/Berlin", "EUR")
    browser = place.browser()
    person = Person(place.owner.id, "manager@acme.example", acme.id, "acme", browser)
    assert (await person.sign_in(PASSWORD)).status_code == 200
    assert (await browser.get("/auth/me")).json()["role"] == "SALES_MANAGER"
    consultant = Person(place.owner.id, "consultant@both.example", acme.id, "acme", place.browser())
    for slug, role in (("acme", "SALES"), ("globex", "FINANCE")):
        await consultant.sign_in(PASSWORD, orgSlug=slug)
        assert (await consultant.browser.get("/auth/me")).json()["role"] == role
    joined = await place.facts("member.joined", org_id=acme.id)
    assert len({fact.message.member.email for fact in joined}) == 11
    last = (await place.facts("organisation.updated", org_id=acme.id))[-1].message.organisation
    assert (last.legal.legal_name, last.legal.address.country) == ("Acme Works GmbH", "DE")


async def test_demo_has_a_platform_owner(place: Place) -> None:
    for _ in range(2):
        await demo.seed(place.reception)
    answer = await place.browser().post(
        "/platform/auth/login",
        json={"email": PLATFORM_EMAIL, "password": PLATFORM_PASSWORD},
        headers={"host": PLATFORM_HOST},
    )
    assert answer.status_code == 200, answer.text


async def test_seeding_again_adds_only_what_is_missing(place: Place) -> None:
    await demo.seed(place.reception)
    acme = await _organisation(place, "acme")
    before = await place.facts("member.joined", "organisation.updated", org_id=acme.id)
    async with place.reception.tx() as tx:
        wanted = select(Membership).where(
            Membership.org_id == acme.id, Membership.email == "viewer@acme.example"
        )
        await tx.session.delete((await tx.session.scalars(wanted)).one())
    await demo.seed(place.reception)
    after = await place.facts("member.joined", "organisation.updated", org_id=acme.id)
    assert [fact.message.member.email for fact in after[len(before) :]] == ["viewer@acme.example"]


async def test_demo_data_is_refused_in_production(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = place.reception.settings.model_copy(update={"environment": "production"})
    monkeypatch.setitem(place.stand.runtime.parts, type(settings), settings)
    with pytest.raises(typer.Exit):
        await seed(place.stand.runtime)


def test_demo_organisations_have_every_role() -> None:
    for organisation in ORGANISATIONS:
        assert len({person.role for person in organisation.people}) == 10
