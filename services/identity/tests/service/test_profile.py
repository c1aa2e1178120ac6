"""What people change of themselves, and where it shows."""

import pytest
from services.identity.tests.place import Place

from identity.domain.roles import Role


async def test_a_new_name_shows_in_every_organisation_that_showed_the_old_one(place: Place) -> None:
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    other = await place.act(Role.OWNER, at=second)
    await other.browser.patch(f"/users/{place.owner.id}", json={"name": "Olga of Finance"})
    third = await place.open()
    renamed = await place.join(Role.SALES, at=third, email=place.owner.email)
    admin = await place.act(Role.OWNER, at=third)
    await admin.browser.patch(f"/users/{renamed.id}", json={"name": "Olga Owner"})
    await place.owner.sign_in(orgSlug=place.owner.slug)
    answer = await place.owner.browser.patch("/auth/me", json={"name": "Olga New", "locale": "de"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["name"], answer.json()["locale"], answer.json()["version"]) == ("Olga New", "de", 2)
    assert answer.json() == (await place.owner.browser.get("/auth/me")).json()
    (told,) = await place.facts("user.updated")
    assert (told.message.user.name, told.message.user.locale, told.version) == ("Olga New", "de", 2)
    for person, name in ((place.owner, "Olga New"), (third, "Olga New")):
        assert (await place.facts("member.updated", org_id=person.org_id))[-1].message.member.name == name
    shown = (await other.browser.get(f"/users/{place.owner.id}")).json()
    assert shown["name"] == "Olga of Finance"


async def test_a_zone_can_be_set_and_taken_back_and_the_same_again_is_no_change(place: Place) -> None:
    await place.owner.sign_in()
    for zone, version in (("Europe/Berlin", 2), ("Europe/Berlin", 2), (None, 3)):
        me = (await place.owner.browser.patch("/auth/me", json={"timeZone": zone})).json()
        assert (me["timeZone"], me["version"]) == (zone, version)
    assert len(await place.facts("user.updated")) == 2
    assert await place.facts("member.updated") == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": None},
        {"name": "x"},
        {"name": "Olga\r\nBcc: everybody@people.example"},
        {"name": "Olga \u202erenwO"},
        {"timeZone": "Mars/Olympus"},
        {"locale": "german"},
        {"email": "a@b.example"},
    ],
)
async def test_what_is_not_ones_own_or_not_true_is_refused(place: Place, body: dict[str, object]) -> None:
    await place.owner.sign_in()
    answer = await place.owner.browser.patch("/auth/me", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


async def test_a_change_of_another_version_is_refused(place: Place) -> None:
    await place.owner.sign_in()
    answer = await place.owner.browser.patch(
        "/auth/me", json={"name": "Olga New"}, headers={"if-match": '"7"'}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (412, "STALE_VERSION")
