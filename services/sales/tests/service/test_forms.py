"""Public forms: whoever fills one in becomes a lead, and learns nothing else."""

import asyncio
import hashlib
import time
from typing import Any

import httpx2
import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of
from sqlalchemy import text

from chassis.tenants import Rules
from sales.http.forms import ANSWERED_AFTER_SECONDS, PER_ADDRESS_A_MINUTE, PER_FORM_A_MINUTE

VISITOR = {
    "name": "Vera Visitor",
    "email": "vera@customer.example",
    "phone": "+49 40 1234",
    "company": "Customer AG",
    "message": "We need a press.\nSoon.",
}


async def form(place: Place, **fields: Any) -> Json:
    """A form with its token."""
    return await place.made("/forms", **{"name": "Contact us"} | fields)


async def send(place: Place, token: str, body: Any = None, address: str = "203.0.113.7") -> httpx2.Response:
    """What anybody sends, from that address."""
    async with place.stand.anonymous() as anybody:
        return await anybody.post(
            f"/api/v1/forms/{token}",
            json=VISITOR if body is None else body,
            headers={"x-envoy-external-address": address},
        )


async def leads(place: Place) -> list[Json]:
    """Every lead there is."""
    found: list[Json] = (await place.read("/leads"))["items"]
    return found


async def test_new_form_shows_its_token_once(place: Place) -> None:
    answer = await place.post("/forms", {"name": "Contact us"}, idempotency_key="k")
    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/forms/{made['id']}")
    assert made["url"] == f"https://execos.test/api/v1/forms/{made['token']}"
    assert len(made["token"]) == 43
    assert made["defaults"] == {"source": "website", "ownerUserId": None, "tags": []}
    shown = {name: value for name, value in made.items() if name not in {"token", "url"}}
    assert await place.read(f"/forms/{made['id']}") == shown
    assert (await place.read("/forms"))["items"] == [shown]
    replayed = await place.post("/forms", {"name": "Contact us"}, idempotency_key="k")
    assert replayed.headers["idempotency-replayed"] == "true"
    assert made["token"] not in replayed.text
    (entry,) = await place.stand.facts("sales.activity.recorded.v1")
    assert made["token"] not in str(entry.message)
    async with place.stand.runtime.system.session(None, read_only=True) as session:
        digest = await session.scalar(text("SELECT digest FROM lead_form WHERE id = :id"), {"id": made["id"]})
    assert digest == hashlib.sha256(made["token"].encode()).digest()


async def test_defaults_are_checked_changed_and_recorded(place: Place) -> None:
    defaults = {"source": "fair", "ownerUserId": place.owner, "tags": ["Press", "press", " new "]}
    made = await form(place, defaults=defaults)
    assert made["defaults"] == defaults | {"tags": ["Press", "new"]}
    url = f"/forms/{made['id']}"
    changed = (await place.patch(url, {"defaults": {"source": None, "tags": []}}, if_match='"1"')).json()
    assert changed["defaults"] == {"source": "website", "ownerUserId": place.owner, "tags": []}
    assert (await place.patch(url, {"name": "Contact us"})).json() == changed
    assert code_of(await place.patch(url, {"name": "X"}, if_match='"1"'), 412) == "STALE_VERSION"
    assert await place.stand.actions(made["id"]) == ["CREATE", "UPDATE"]
    refused: list[Json] = [
        {"defaults": None},
        {"defaults": {"tags": None}},
        {"defaults": {"tags": [""]}},
        {"defaults": {"tags": ["t"] * 51}},
        {"defaults": {"source": "s" * 101}},
        {"defaults": {"stage": "NEW"}},
        {"name": ""},
    ]
    for body in refused:
        assert code_of(await place.patch(url, body), 400) == "VALIDATION_ERROR", body
    for method, path in (("POST", "/forms"), ("PATCH", url)):
        body = {"name": "N", "defaults": {"ownerUserId": NOBODY}}
        answer = await place.api.request(method, f"/api/v1{path}", json=body)
        assert code_of(answer, 400) == "BAD_REQUEST"


async def test_dictionary_learns_a_forms_tags_and_nobody_is_asked_for_required_fields(place: Place) -> None:
    await place.made("/tags", name="press")
    await place.made("/custom-fields", entity="lead", key="size", name="Size", type="text", required=True)
    made = await form(place, defaults={"tags": ["Press", "Web"]})
    assert (await send(place, made["token"])).status_code == 202
    (lead,) = await leads(place)
    assert (lead["tags"], lead["customFields"]) == (["press", "Web"], {})
    assert await place.names("/tags", sortBy="name", sortDir="asc") == ["press", "Web"]


async def test_visitor_becomes_a_lead(place: Place) -> None:
    made = await form(place, defaults={"ownerUserId": place.owner, "tags": ["Press"]})
    answer = await send(place, made["token"])
    assert (answer.status_code, answer.json()) == (202, {"received": True})
    (lead,) = await leads(place)
    assert (lead["title"], lead["source"], lead["stage"]) == ("Vera Visitor (Customer AG)", "website", "NEW")
    assert (lead["ownerUserId"], lead["tags"]) == (place.owner, ["Press"])
    assert lead["notes"].splitlines() == [
        "Name: Vera Visitor",
        "Company: Customer AG",
        "E-mail: vera@customer.example",
        "Phone: +49 40 1234",
        "Message: ",
        "We need a press.",
        "Soon.",
    ]
    assert (lead["companyId"], lead["contactId"]) == (None, None)
    assert await place.told(lead) == ["lead.created"]
    (entry,) = (await place.read(f"/leads/{lead['id']}/activity"))["items"]
    assert entry["actor"] == {"id": None, "name": "Execos", "email": None, "kind": "system"}


async def test_name_alone_is_enough_and_the_longest_of_all_fits(place: Place) -> None:
    made = await form(place)
    assert (await send(place, made["token"], {"name": "V"})).status_code == 202
    longest = {
        "name": "n" * 255,
        "company": "c" * 255,
        "phone": "1" * 50,
        "message": "m" * 5000,
        "email": f"{'e' * 64}@{'d' * 60}.example",
        "website": "",
    }
    assert (await send(place, made["token"], longest)).status_code == 202
    assert {len(lead["title"]) for lead in await leads(place)} == {1, 255}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n" * 256}, "name"),
        ({"name": "V", "email": "nobody"}, "email"),
        ({"name": "V", "phone": "none"}, "phone"),
        ({"name": "V", "message": "m" * 5001}, "message"),
        ({"name": "V", "message": "a\x00b"}, "message"),
        ({"name": "V", "ownerUserId": NOBODY}, "ownerUserId"),
        ({"name": "V", "source": "mine"}, "source"),
    ],
)
async def test_what_cannot_be_read_is_refused_whatever_the_token(
    place: Place, body: Json, field: str
) -> None:
    made = await form(place)
    for token in (made["token"], "unknown"):
        error = error_of(await send(place, token, body), 400)
        assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", field)
    assert await leads(place) == []


async def refuse_nothing(_place: Place, _form: Json) -> None:
    """Nothing is changed: what is sent is wrong by itself."""


async def delete(place: Place, made: Json) -> None:
    """The form is deleted."""
    assert (await place.api.delete(f"/api/v1/forms/{made['id']}")).status_code == 204


async def switch_off(place: Place, _form: Json) -> None:
    """Sales are switched off."""
    place.stand.runtime.tenants.learn(place.org_id, Rules(version=99))


async def close(place: Place, _form: Json) -> None:
    """The organisation is closed."""
    place.stand.runtime.tenants.learn(
        place.org_id, Rules(version=99, is_open=False, modules=frozenset({"sales"}))
    )


@pytest.mark.parametrize(
    ("before", "token", "more"),
    [
        (refuse_nothing, "unknown", {}),
        (refuse_nothing, "x" * 3000, {}),
        (refuse_nothing, "%ED%A0%80", {}),
        (refuse_nothing, None, {"website": "https://spam.example"}),
        (delete, None, {}),
        (switch_off, None, {}),
        (close, None, {}),
    ],
    ids=["unknown", "long", "surrogate", "honeypot", "deleted", "module-off", "closed"],
)
async def test_nothing_is_kept_and_the_answer_is_the_same(
    place: Place, before: Any, token: str | None, more: Json
) -> None:
    made = await form(place)
    good, elsewhere = await send(place, made["token"]), await form(place, name="Other")
    await before(place, elsewhere)
    begun = time.perf_counter()
    answer = await send(place, token or elsewhere["token"], VISITOR | more)
    seconds = time.perf_counter() - begun
    assert (answer.status_code, answer.content) == (good.status_code, good.content)
    private = {"x-request-id"}
    told = [
        {name: value for name, value in each.headers.items() if name not in private}
        for each in (good, answer)
    ]
    assert told[0] == told[1]
    assert seconds >= ANSWERED_AFTER_SECONDS
    assert len(await place.stand.facts("sales.lead.created.v1")) == 1


async def test_owner_who_has_left_gets_no_more_leads(place: Place) -> None:
    made = await form(place, defaults={"ownerUserId": place.owner})
    await place.suspend(place.member)
    assert (await send(place, made["token"])).status_code == 202
    (lead,) = await leads(place)
    assert lead["ownerUserId"] is None


async def test_form_takes_so_much_from_one_address(place: Place) -> None:
    made, other = await form(place), await form(place, name="Other")
    answers = await asyncio.gather(*(send(place, made["token"]) for _ in range(PER_FORM_A_MINUTE + 1)))
    assert sorted(answer.status_code for answer in answers) == [202] * PER_FORM_A_MINUTE + [429]
    (refused,) = [answer for answer in answers if answer.status_code == 429]
    assert code_of(refused, 429) == "TOO_MANY_REQUESTS"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert (await send(place, other["token"])).status_code == 202
    assert (await send(place, made["token"], address="203.0.113.8")).status_code == 202
    assert len(await place.stand.facts("sales.lead.created.v1")) == PER_FORM_A_MINUTE + 2


async def test_address_may_not_try_one_token_after_the_other(place: Place) -> None:
    tokens = [f"token-{number}" for number in range(PER_ADDRESS_A_MINUTE + 1)]
    answers = await asyncio.gather(*(send(place, token) for token in tokens))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [202] * PER_ADDRESS_A_MINUTE + [429]
