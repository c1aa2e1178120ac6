"""Organisations: founded, changed, with legal profile and policies."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from services.identity.tests.place import Place

from identity.domain.members import MemberState
from identity.domain.permissions import CATALOGUE
from identity.domain.policies import DEFAULTS, RANGES
from identity.domain.roles import Role

LEGAL: dict[str, Any] = {
    "legalName": "Works GmbH",
    "address": {"line1": "Werkstrasse 1", "postalCode": "10115", "city": "Berlin", "country": "de"},
    "vatId": "de136695976",
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
    "email": "billing@works.example",
}

OURS = (
    "autoWorkItemOnDealWon", "allowZeroInvoices", "createInvoiceOnDealWon", "passwordMinLength",
    "requireSecondFactor", "sessionIdleDays", "ipAllowlist", "ipRestrictionEnabled",
)  # fmt: skip
"""Policies that clients of the reference do not know, or may leave out."""


async def test_founder_owns_the_new_organisation_and_can_switch_to_it(place: Place) -> None:
    person = await place.join(Role.VIEWER)
    await person.sign_in()
    slug = f"works-{uuid4().hex[:8]}"
    answer = await person.browser.post("/orgs", json={"name": "My Works", "slug": slug})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == "/api/v1/org"
    made = answer.json()
    assert (made["org"]["name"], made["org"]["slug"]) == ("My Works", slug)
    assert made["membership"] == {"role": "OWNER", "status": "active"}
    person.take(await person.browser.post("/auth/switch-org", json={"orgId": made["org"]["id"]}))
    org = (await person.browser.get("/org")).json()
    assert (org["status"], org["timeZone"], org["currency"], org["locale"]) == ("active", "UTC", "EUR", "en")
    assert org["modules"] == ["billing", "notifications", "reporting", "sales", "work"]
    assert org["legal"] is None
    place.stand.org_id = UUID(org["id"])
    assert await place.stand.actions(org["id"]) == ["ORG_CREATE"]
    facts = await place.facts("organisation.created", "member.joined", org_id=place.stand.org_id)
    assert [fact.type for fact in facts] == ["identity.organisation.created.v1", "identity.member.joined.v1"]
    assert facts[0].message.organisation.policies.stale_deal_after_days == 7
    assert await place.facts("organisation.created", org_id=person.org_id) != facts


async def test_taken_and_reserved_slugs_get_a_number(place: Place) -> None:
    people = [await place.act(Role.VIEWER) for _ in range(3)]
    person = people[0]
    name = f"Café {uuid4().hex[:8]}"
    await place.warm()
    answers = await asyncio.gather(*(each.browser.post("/orgs", json={"name": name}) for each in people))
    wanted = name.lower().replace("é", "e").replace(" ", "-")
    assert sorted(answer.json()["org"]["slug"] for answer in answers) == [
        wanted,
        f"{wanted}-2",
        f"{wanted}-3",
    ]
    support = await person.browser.post("/orgs", json={"name": "Support"})
    assert support.json()["org"]["slug"].startswith("support-")
    strange = await person.browser.post("/orgs", json={"name": "株式会社"})
    assert strange.json()["org"]["slug"].startswith("organisation")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "x" * 81},
        {"name": "Works", "slug": "platform"},
        {"name": "Works", "slug": "a"},
        {"name": "Works", "slug": "-a"},
        {"name": "Works", "slug": "a_b"},
        {"name": "Works", "slug": "a." * 5},
        {"name": "Works", "slug": "pg_catalog"},
        {"name": "Works", "status": "active"},
        {"name": "Works", "id": str(uuid4())},
    ],
)
async def test_bad_organisation_is_refused(place: Place, body: dict[str, Any]) -> None:
    person = await place.act(Role.OWNER)
    assert (await person.browser.post("/orgs", json=body)).status_code == 400


async def test_nobody_founds_more_than_twenty_organisations_a_day(place: Place) -> None:
    person = await place.act(Role.VIEWER)
    place.stand.runtime.parts[type(place.reception)] = _with_limit(place, 2)
    await place.warm()
    answers = await asyncio.gather(*(person.browser.post("/orgs", json={"name": "Works"}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 429, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["code"] == "TOO_MANY_REQUESTS"


def _with_limit(place: Place, limit: int) -> Any:
    from dataclasses import replace  # noqa: PLC0415 - only here

    settings = place.reception.settings.model_copy(update={"organisations_per_day": limit})
    return replace(place.reception, settings=settings)


async def test_same_key_founds_once(place: Place) -> None:
    person = await place.act(Role.VIEWER)
    key = {"idempotency-key": uuid4().hex}
    first, again = [
        await person.browser.post("/orgs", json={"name": "Once Works"}, headers=key) for _ in range(2)
    ]
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")


async def test_changes_of_the_organisation_are_told(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    body = {"name": "New Name", "timeZone": "Europe/Berlin", "currency": "CHF", "locale": "de-CH"}
    answer = await owner.browser.patch("/org", json=body, headers={"if-match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert body.items() <= answer.json().items()
    assert answer.json() == (await owner.browser.get("/org")).json()
    assert (answer.json()["version"], answer.headers["etag"]) == (2, '"2"')
    same = await owner.browser.patch("/org", json=body)
    assert same.json()["version"] == 2
    stale = await owner.browser.patch("/org", json={"name": "Other"}, headers={"if-match": '"1"'})
    assert stale.status_code == 412
    facts = await place.facts("organisation.updated")
    assert [(fact.version, fact.message.organisation.time_zone) for fact in facts] == [(2, "Europe/Berlin")]


async def test_branding_and_settings_are_replaced_as_a_whole(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    bare = {"logoUrl": None, "primaryColour": None, "secondaryColour": None}
    before = (await owner.browser.get("/org")).json()
    assert (before["branding"], before["settings"]) == (bare, {})
    look = {"logoUrl": "https://cdn.example/logo.svg", "primaryColour": "#0A3D62"}
    body = {"branding": look, "settings": {"followUpDays": [3, 7], "über": None}}
    answer = await owner.browser.patch("/org", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["branding"] == bare | look | {"primaryColour": "#0a3d62"}
    assert answer.json()["settings"] == body["settings"]
    assert (await owner.browser.get("/org")).json() == answer.json()
    assert (await owner.browser.patch("/org", json=body)).json()["version"] == 2
    other = await owner.browser.patch("/org", json={"branding": {"secondaryColour": "#ffffff"}})
    assert other.json()["branding"] == bare | {"secondaryColour": "#ffffff"}
    assert other.json()["settings"] == body["settings"]


@pytest.mark.parametrize(
    "body",
    [
        {"timeZone": "Europe/Atlantis"},
        {"timeZone": "../etc/passwd"},
        {"timeZone": None},
        {"currency": "EURO"},
        {"locale": "german"},
        {"slug": "other"},
        {"status": "archived"},
        {"modules": []},
        {"branding": None},
        {"settings": None},
        {"settings": {"a": "x" * 20_000}},
    ],
)
async def test_bad_change_of_the_organisation_is_refused(place: Place, body: dict[str, Any]) -> None:
    owner = await place.act(Role.OWNER)
    answer = await owner.browser.patch("/org", json=body)
    assert (answer.status_code, [issue["field"] for issue in answer.json()["error"]["details"]]) == (
        400,
        list(body),
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("logoUrl", "http://cdn.example/logo.svg"),
        ("logoUrl", "javascript:alert(1)"),
        ("logoUrl", "https://cdn.example/" + "x" * 2048),
        ("primaryColour", "red"),
        ("secondaryColour", "#12345"),
        ("font", "Comic Sans"),
    ],
)
async def test_bad_branding_is_refused(place: Place, field: str, value: str) -> None:
    owner = await place.act(Role.OWNER)
    answer = await owner.browser.patch("/org", json={"branding": {field: value}})
    [issue] = answer.json()["error"]["details"]
    assert (answer.status_code, issue["field"]) == (400, f"branding.{field}")


async def test_legal_profile_is_replaced_as_a_whole(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    first = await owner.browser.put("/org/legal", json=LEGAL)
    assert first.status_code == 200, first.text
    legal = first.json()
    assert (legal["vatId"], legal["paymentTermsDays"], legal["version"]) == ("DE136695976", 14, 1)
    assert legal["address"]["country"] == "DE"
    second = await owner.browser.put("/org/legal", json=LEGAL | {"vatId": None, "paymentTermsDays": 30})
    assert (second.json()["vatId"], second.json()["version"]) == (None, 2)
    unchanged = await owner.browser.put("/org/legal", json=LEGAL | {"vatId": None, "paymentTermsDays": 30})
    assert unchanged.json()["version"] == 2
    org = (await owner.browser.get("/org")).json()
    assert (org["legal"], org["version"]) == (second.json(), 3)
    facts = await place.facts("organisation.updated")
    assert [(fact.version, fact.message.organisation.legal.payment_terms_days) for fact in facts] == [
        (2, 14),
        (3, 30),
    ]
    assert facts[0].message.organisation.legal.address.city == "Berlin"
    assert await place.stand.actions(org["id"]) == ["ORG_CREATE", "UPDATE", "UPDATE"]


async def test_numbers_are_taken_as_they_are_printed(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    printed = {"iban": "DE89 3704 0044 0532 0130 00", "bic": " cobadeff xxx", "vatId": "de 136 695 976"}
    answer = await owner.browser.put("/org/legal", json=LEGAL | printed)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["iban"], answer.json()["bic"], answer.json()["vatId"]) == (
        "DE89370400440532013000",
        "COBADEFFXXX",
        "DE136695976",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"iban": "nonsense"},
        {"bic": "x"},
        {"paymentTermsDays": -1},
        {"paymentTermsDays": 1e9},
        {"address": None},
        {"address": LEGAL["address"] | {"country": "Germany"}},
        {"address": LEGAL["address"] | {"country": "XX"}},
        {"address": LEGAL["address"] | {"planet": "Earth"}},
        {"legalName": ""},
        {"email": "nobody"},
        {"colour": "red"},
    ],
)
async def test_bad_legal_profile_is_refused(place: Place, change: dict[str, Any]) -> None:
    owner = await place.act(Role.OWNER)
    assert (await owner.browser.put("/org/legal", json=LEGAL | change)).status_code == 400


async def test_policies_are_read_changed_and_told(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    policies = (await owner.browser.get("/settings/policies")).json()
    assert policies["staleDealAfterDays"] == 7
    assert policies["autopilotCreateWorkOnDealStageChange"] is policies["autoWorkItemOnDealWon"] is True
    changed = await owner.browser.put("/settings/policies", json=policies | {"staleDealAfterDays": 14})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["staleDealAfterDays"], changed.json()["version"]) == (14, 2)
    assert (await owner.browser.get("/settings/policies")).json() == changed.json()
    same = await owner.browser.put("/settings/policies", json=changed.json())
    assert same.json()["version"] == 2
    facts = await place.facts("policies.changed")
    assert [(fact.version, fact.message.organisation.policies.stale_deal_after_days) for fact in facts] == [
        (2, 14)
    ]
    recorded = [
        fact.message
        for fact in await place.facts("activity.recorded")
        if fact.message.entity_type == "POLICY"
    ]
    assert [(entry.action, entry.before_json, entry.after_json) for entry in recorded] == [
        ("POLICY_UPDATE", '{"staleDealAfterDays":7}', '{"staleDealAfterDays":14}')
    ]
    stale = await owner.browser.put("/settings/policies", json=policies, headers={"if-match": '"1"'})
    assert stale.status_code == 412


@pytest.mark.parametrize("name", ["autoWorkItemOnDealWon", "autopilotCreateWorkOnDealStageChange"])
async def test_either_name_of_the_deal_won_switch_works(place: Place, name: str) -> None:
    owner = await place.act(Role.OWNER)
    policies = (await owner.browser.get("/settings/policies")).json()
    for wanted in (False, True):
        policies = (await owner.browser.put("/settings/policies", json=policies | {name: wanted})).json()
        assert policies["autopilotCreateWorkOnDealStageChange"] is policies["autoWorkItemOnDealWon"] is wanted


async def test_object_of_the_reference_is_enough(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    policies = (await owner.browser.get("/settings/policies")).json()
    theirs = {name: value for name, value in policies.items() if name not in OURS}
    answer = await owner.browser.put("/settings/policies", json=theirs | {"requireDealOwner": False})
    assert answer.status_code == 200, answer.text
    assert answer.json()["requireDealOwner"] is False
    assert answer.json()["createInvoiceOnDealWon"] is True
    without = {name: value for name, value in theirs.items() if name != "requireWorkOwner"}
    assert (await owner.browser.put("/settings/policies", json=without)).status_code == 400


@pytest.mark.parametrize("name", sorted(RANGES))
async def test_policies_keep_their_ranges(place: Place, name: str) -> None:
    owner = await place.act(Role.OWNER)
    policies = (await owner.browser.get("/settings/policies")).json()
    head, *rest = name.split("_")
    field = head + "".join(part.capitalize() for part in rest)
    least, greatest = RANGES[name]
    for value, status in ((least - 1, 400), (greatest, 200), (greatest + 1, 400)):
        answer = await owner.browser.put("/settings/policies", json=policies | {field: value})
        assert answer.status_code == status, (name, value)


@pytest.mark.parametrize(
    "change",
    [
        {"ipAllowlist": ["300.1.1.1"]},
        {"ipAllowlist": ["10.0.0.0/33"]},
        {"ipAllowlist": ["10.0.0.1"] * 201},
        {"ipRestrictionEnabled": True, "ipAllowlist": ["10.0.0.0/8"]},
        {"passwordMinLength": 8},
        {"requireSecondFactor": "some"},
        {"lockInvoiceOnSent": None},
        {"lockInvoiceOnSent": "yes"},
        {"overdueAfterDays": "3"},
        {"overdueAfterDays": True},
        *({name: None} for name in OURS),
        {"colour": "red"},
    ],
)
async def test_bad_policies_are_refused(place: Place, change: dict[str, Any]) -> None:
    owner = await place.act(Role.OWNER)
    policies = (await owner.browser.get("/settings/policies")).json()
    answer = await owner.browser.put("/settings/policies", json=policies | change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


async def test_allowlist_takes_addresses_and_networks_of_both_families(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    policies = (await owner.browser.get("/settings/policies")).json()
    wanted = {
        "ipRestrictionEnabled": True,
        "ipAllowlist": ["127.0.0.1", "10.1.2.3/8", "2001:DB8::1", "fe80::/10"],
    }
    answer = await owner.browser.put("/settings/policies", json=policies | wanted)
    assert answer.json()["ipAllowlist"] == ["127.0.0.1", "10.0.0.0/8", "2001:db8::1", "fe80::/10"]
    without = {name: value for name, value in policies.items() if name not in OURS}
    kept = await owner.browser.put("/settings/policies", json=without)
    assert (kept.json()["ipRestrictionEnabled"], len(kept.json()["ipAllowlist"])) == (True, 4)


async def test_idle_days_of_the_policies_end_sessions(place: Place) -> None:
    await place.owner.sign_in()
    policies = (await place.owner.browser.get("/settings/policies")).json()
    await place.owner.browser.put("/settings/policies", json=policies | {"sessionIdleDays": 1})
    place.stand.clock.advance(hours=25)
    assert (await place.owner.refresh()).status_code == 401


async def test_usage_counts_people_roles_and_what_the_reader_has_done_today(place: Place) -> None:
    owner, admin = await place.act(Role.OWNER), await place.act(Role.ADMIN)
    for status in (MemberState.SUSPENDED, MemberState.REMOVED):
        await place.join(Role.SALES, status=status)
    invited = {"name": "New Person", "email": f"{uuid4().hex}@new.example", "role": "OPS"}
    await owner.browser.post("/users", json=invited)
    await owner.browser.post("/orgs", json={"name": "Another One"})
    await owner.browser.post("/roles", json={"key": "SKIPPER", "name": "Skipper", "permissions": []})
    key, _ = [
        (await owner.browser.post("/org/api-tokens", json={"name": name, "scopes": ["deals:read"]})).json()
        for name in ("Export", "Import")
    ]
    await owner.browser.delete(f"/org/api-tokens/{key['id']}")
    elsewhere = await place.act(Role.OWNER, at=await place.open(), email=owner.email)
    used = (await owner.browser.get("/org/usage")).json()
    assert used == {
        "seatsUsed": 3,
        "invited": 1,
        "suspended": 1,
        "apiKeys": 1,
        "roles": 1,
        "invitationsSentToday": 1,
        "organisationsFoundedToday": 1,
        "limits": {"roles": 100, "invitationsPerDay": 20, "organisationsPerDay": 20},
    }
    of_admin = (await admin.browser.get("/org/usage")).json()
    assert (of_admin["invitationsSentToday"], of_admin["organisationsFoundedToday"]) == (0, 0)
    assert (await elsewhere.browser.get("/org/usage")).json()["roles"] == 0
    place.stand.clock.advance(hours=25)
    later = (await owner.browser.get("/org/usage")).json()
    assert (later["invitationsSentToday"], later["organisationsFoundedToday"]) == (0, 0)


async def test_catalogue_shows_every_permission(place: Place) -> None:
    cashier = await place.act(Role.CASHIER)
    items = (await cashier.browser.get("/permissions")).json()["items"]
    assert len(items) == len(CATALOGUE)
    assert items[0].keys() == {"key", "description", "context"}
    assert {item["context"] for item in items} == {"identity", "sales", "work", "billing", "reporting"}


def test_every_policy_has_a_default_and_a_column() -> None:
    from dataclasses import asdict  # noqa: PLC0415 - only here

    from clients.identity.types import Policies  # noqa: PLC0415 - only here

    theirs = asdict(Policies())
    assert theirs | {"ip_allowlist": []} == DEFAULTS
