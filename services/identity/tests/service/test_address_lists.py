"""From where an organisation lets people in: at sign-in, at every refresh and switch, at every door (W14)."""

from typing import Any

import pytest
from services.identity.tests.place import BROWSER, PASSWORD, Person, Place

from identity.domain.roles import Role

OFFICE, HOME = "203.0.113.7", "198.51.100.9"
HEADER = "x-envoy-external-address"


@pytest.fixture
async def owner(place: Place) -> Person:
    """The owner, signed in at the office, from where alone the organisation lets people in."""
    place.owner.browser.headers[HEADER] = OFFICE
    await place.owner.sign_in()
    answer = await allow(place.owner, ["203.0.113.0/24", "2001:db8::/48"])
    assert answer.status_code == 200, answer.text
    place.stand.runtime.tenants._known.clear()  # as the fact does in a running service
    return place.owner


async def allow(owner: Person, networks: list[str]) -> Any:
    policies = (await owner.browser.get("/settings/policies")).json()
    wanted = policies | {"ipRestrictionEnabled": True, "ipAllowlist": networks}
    return await owner.browser.put("/settings/policies", json=wanted)


def code_of(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("error", {}).get("code")


@pytest.mark.parametrize("address", [OFFICE, "2001:db8::17", "::ffff:203.0.113.200"])
async def test_somebody_at_the_office_comes_in(owner: Person, address: str) -> None:
    owner.browser.headers[HEADER] = address
    assert code_of(await owner.sign_in()) == (200, None)
    assert code_of(await owner.browser.get("/org")) == (200, None)
    assert code_of(await owner.refresh()) == (200, None)


@pytest.mark.parametrize("address", [HOME, "2001:db9::1", "203.0.113.7.evil.example", ""])
async def test_somebody_elsewhere_does_not(owner: Person, address: str) -> None:
    owner.browser.headers[HEADER] = address
    assert code_of(await owner.sign_in()) == (403, "IP_NOT_ALLOWED")
    for path in ("/org", "/auth/me", "/users", "/permissions"):
        assert code_of(await owner.browser.get(path)) == (403, "IP_NOT_ALLOWED"), path
    assert code_of(await owner.refresh()) == (403, "IP_NOT_ALLOWED")


async def test_right_password_from_elsewhere_is_no_failure(place: Place, owner: Person) -> None:
    stranger = place.browser()
    stranger.headers[HEADER] = HOME
    credentials = {"email": owner.email, "password": PASSWORD}
    for _ in range(7):
        assert code_of(await stranger.post("/auth/login", json=credentials)) == (403, "IP_NOT_ALLOWED")


async def test_wrong_password_from_elsewhere_is_told_nothing_of_the_list(owner: Person) -> None:
    owner.browser.headers[HEADER] = HOME
    assert code_of(await owner.sign_in("wrong password here")) == (401, "UNAUTHORIZED")


async def test_session_that_is_refused_for_its_address_goes_on_at_the_office(owner: Person) -> None:
    owner.browser.headers[HEADER] = HOME
    await owner.refresh()
    owner.browser.headers[HEADER] = OFFICE
    assert code_of(await owner.refresh()) == (200, None)


async def test_nobody_switches_into_it_from_elsewhere(place: Place, owner: Person) -> None:
    elsewhere = await place.open()
    guest = await place.join(Role.SALES, email=elsewhere.email)
    elsewhere.browser.headers[HEADER] = HOME
    await elsewhere.sign_in(orgSlug=elsewhere.slug)
    answer = await elsewhere.browser.post("/auth/switch-org", json={"orgId": str(guest.org_id)})
    assert code_of(answer) == (403, "IP_NOT_ALLOWED")
    elsewhere.browser.headers[HEADER] = OFFICE
    answer = await elsewhere.browser.post("/auth/switch-org", json={"orgId": str(guest.org_id)})
    assert code_of(answer) == (200, None)


async def test_forwarding_headers_of_the_client_count_for_nothing(owner: Person) -> None:
    owner.browser.headers[HEADER] = HOME
    forged = {"x-forwarded-for": OFFICE, "forwarded": f"for={OFFICE}", "x-real-ip": OFFICE}
    assert code_of(await owner.browser.get("/org", headers=forged)) == (403, "IP_NOT_ALLOWED")


@pytest.mark.parametrize("networks", [[], ["198.51.100.0/24"], ["2001:db8::/48"]])
async def test_nobody_locks_themselves_out(owner: Person, networks: list[str]) -> None:
    assert code_of(await allow(owner, networks)) == (400, "VALIDATION_ERROR")
    assert code_of(await owner.refresh(**BROWSER)) == (200, None)
