"""Modules and features: what templates switch on, what an organisation switches itself, and what others are told."""

from typing import Any

import pytest
from services.identity.tests.place import Person, Place

from identity.domain.modules import FEATURES, MODULES, SERVICES, TEMPLATES, Switches
from identity.domain.roles import Role


@pytest.fixture
async def owner(place: Place) -> Person:
    """The owner, signed in."""
    await place.owner.sign_in()
    return place.owner


async def on(owner: Person, kind: str = "modules") -> set[str]:
    answer = await owner.browser.get("/settings/modules")
    assert answer.status_code == 200, answer.text
    return {each["code"] for each in answer.json()[kind] if each["isEnabled"]}


async def switch(owner: Person, path: str, *, enabled: bool = False) -> Any:
    return await owner.browser.patch(f"/settings/{path}", json={"enabled": enabled})


async def test_new_organisation_has_the_services_and_every_feature(owner: Person) -> None:
    shown = (await owner.browser.get("/settings/modules")).json()
    assert shown["templates"] == ["services"]
    assert {each["code"] for each in shown["modules"]} == set(MODULES)
    assert await on(owner) == SERVICES
    assert await on(owner, "features") == set(FEATURES)
    assert all(each["isDefault"] for each in shown["modules"] + shown["features"])


async def test_module_is_switched_and_left_to_the_template_again(place: Place, owner: Person) -> None:
    answer = await switch(owner, "modules/work")
    assert (answer.status_code, answer.json()["isEnabled"], answer.json()["isDefault"]) == (200, False, False)
    assert await on(owner) == SERVICES - {"work"}
    assert (await switch(owner, "modules/stock", enabled=True)).status_code == 200
    for code in ("work", "stock"):
        assert (await owner.browser.delete(f"/settings/modules/{code}")).status_code == 204
    assert await on(owner) == SERVICES
    told = await place.facts("module.disabled", "module.enabled")
    assert [(fact.type.split(".")[2], fact.message.code) for fact in told] == [
        ("disabled", "work"),
        ("enabled", "stock"),
        ("enabled", "work"),
        ("disabled", "stock"),
    ]
    assert [set(fact.message.organisation.modules) for fact in told][-1] == SERVICES
    versions = [fact.version for fact in told]
    assert versions == sorted(set(versions))


async def test_switching_to_what_it_is_tells_no_change_of_the_module(place: Place, owner: Person) -> None:
    for _ in range(2):
        assert (await switch(owner, "modules/work", enabled=True)).status_code == 200
    assert await place.facts("module.enabled", "module.disabled") == []
    assert len(await place.facts("organisation.updated")) == 1


async def test_feature_is_switched_and_reset(place: Place, owner: Person) -> None:
    assert (await switch(owner, "features/api-keys")).json()["isEnabled"] is False
    assert await on(owner, "features") == set(FEATURES) - {"api-keys"}
    assert (await owner.browser.delete("/settings/features/api-keys")).status_code == 204
    assert await on(owner, "features") == set(FEATURES)
    told = await place.facts("organisation.updated")
    assert ["api-keys" in fact.message.organisation.features for fact in told] == [False, True]


@pytest.mark.parametrize("path", ["modules/nonsense", "features/sales"])
async def test_unknown_code_is_not_found(owner: Person, path: str) -> None:
    assert (await switch(owner, path)).status_code == 404
    assert (await owner.browser.delete(f"/settings/{path}")).status_code == 404


async def test_stale_version_is_refused(owner: Person) -> None:
    version = (await owner.browser.get("/org")).json()["version"]
    await switch(owner, "modules/work")
    answer = await owner.browser.patch(
        "/settings/modules/sales", json={"enabled": False}, headers={"if-match": f'"{version}"'}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (412, "STALE_VERSION")


async def test_ceo_may_switch_and_director_may_not_look(place: Place) -> None:
    ceo, director = await place.act(Role.CEO), await place.act(Role.DIRECTOR)
    assert (await switch(ceo, "modules/work")).status_code == 200
    assert (await director.browser.get("/settings/modules")).status_code == 403


def test_template_only_switches_on_and_twice_is_once() -> None:
    begun = Switches(("services",), {"work": False, "stock": False, "marina": True}, {})
    once = begun.apply("retail")
    assert set(once.modules_on()) == TEMPLATES["retail"].modules | {"marina"}
    assert once.apply("retail") == once
    assert set(begun.apply("marina").modules_on()) >= {"work", "marina"}
    assert "stock" not in begun.apply("marina").modules_on()
