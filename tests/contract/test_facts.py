"""Facts between services: examples that stay valid, publishers that keep to them, consumers that understand them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import SecretStr
from services.identity.tests.place import BROWSER, PASSWORD
from services.notifications.tests.mail_server import MailServer, mail_server
from sqlalchemy import select
from tests.contract import recipes
from tests.contract.golden import declared, example_of, examples, parsed, uncovered
from tests.contract.operations import Operation, writing
from tests.contract.organisations import Organisation
from tests.contract.platform import ORDER, Platform, service_named
from tests.contract.recipes import RECIPES

from chassis import relay
from chassis.activity import REDACTED
from chassis.errors import translate
from chassis.facts import parse, to_dict
from chassis.ids import new_id
from chassis.inbox import Received, received
from chassis.rows import outbox
from identity.domain.mail_links import LinkKind
from identity.domain.roles import Role
from notifications.smtp import Mailer

NOT_YET: Mapping[str, str] = {}
"""Facts that are declared and that nothing in the first release publishes."""
WITHOUT_ACTIVITY: Mapping[str, str] = {
    "POST /notifications/{id}/read": "what somebody has read is their own affair",
    "POST /notifications/read-all": "the same",
    "POST /auth/passkeys/register/options": "asks, and keeps nothing",
    "POST /platform/auth/change-password": "who owns the platform belongs to no organisation; it is logged",
    "POST /companies/merge/preview": "asks, and changes nothing",
    "POST /jobs/run": "a run is kept as such, and what the job does has entries of its own",
}
SECRETS = ("password", "secret", "token", "hash", "cookie", "totp")
NO_SECRETS = {"passwordMinLength", "requireSecondFactor"}
HEADERS = {
    "Nats-Msg-Id", "ce-id", "ce-source", "ce-specversion", "ce-subject", "ce-time", "ce-type",
    "org-id", "aggregate-version", "actor", "request-id",
}  # fmt: skip

COMMANDS = writing()
HANDLED = [(name, event_type) for name in ORDER for event_type in service_named(name).handlers]


# --------------------------------------------------------------------------------------------- the examples


def test_every_fact_has_its_example_and_every_example_its_fact():
    messages = {message.DESCRIPTOR.full_name for message in declared().values()}
    assert {declared()[each].DESCRIPTOR.full_name for each in examples()} == messages
    assert len(examples()) == len(messages), "run `python -m tests.contract.golden`"


@pytest.mark.parametrize("event_type", examples())
def test_an_example_is_still_the_canonical_form_and_shows_every_field(event_type: str):
    example = examples()[event_type]
    message = parsed(event_type, example)
    assert to_dict(message) == example
    assert list(uncovered(message)) == []


@pytest.mark.parametrize("event_type", examples())
def test_fields_of_a_newer_publisher_are_ignored(event_type: str):
    newer = deepcopy(examples()[event_type]) | {"addedLater": {"deep": [1]}}
    assert to_dict(parse(event_type, orjson.dumps(newer))) == examples()[event_type]


# ---------------------------------------------------------------------------------------------- who consumes


def test_consumers_name_only_facts_that_exist():
    assert {event_type for _, event_type in HANDLED} <= set(declared())
    watched = {event_type for name in ORDER for event_type in service_named(name).watches}
    assert watched <= set(declared())


def test_reporting_hears_every_fact():
    assert set(service_named("reporting").handlers) == set(declared())


@pytest.mark.parametrize(("consumer", "event_type"), HANDLED)
async def test_a_consumer_understands_the_example_in_any_order(
    consumer: str, event_type: str, platform: Platform
):
    stand, org_id = platform.stands[consumer], new_id()
    fact = _fact(event_type, org_id)
    (refusal,) = await asyncio.gather(stand.receive(fact), return_exceptions=True)
    if isinstance(refusal, Exception):
        assert translate(refusal, {}) is None, (
            "a refusal parks it, an unavailability stops the whole consumer"
        )
    await stand.receive(_fact("identity.organisation.created.v1", org_id))
    await stand.receive(fact)
    assert not await stand.receive(fact)
    is_end = event_type == "identity.organisation.deleted.v1"  # nothing is heard of it any more
    assert await stand.receive(_fact(event_type, org_id, addedLater=1)) is not is_end


def _fact(event_type: str, org_id: UUID, **more: Any) -> Received:
    payload = deepcopy(example_of(event_type)) | more
    if "organisation" in payload:
        payload["organisation"]["id"] = str(org_id)
    return received(orjson.dumps(payload), _headers_of(event_type, org_id))


def _headers_of(event_type: str, org_id: UUID) -> dict[str, str]:
    return {
        "ce-type": event_type,
        "ce-id": str(new_id()),
        "ce-subject": str(uuid4()),
        "ce-time": "2026-03-10T12:00:00+00:00",
        "org-id": str(org_id),
        "aggregate-version": "7",
        "actor": f"user:{uuid4()}",
        "request-id": str(uuid4()),
    }


# -------------------------------------------------------------------------------------- what is really told


@dataclass
class Told:
    """What happened in one organisation in which everything was done once."""

    org: Organisation
    facts: list[Any]
    """Outbox rows of all services, each service's in order, with the name of the service."""
    secrets: list[str]


@pytest.fixture(scope="session")
async def told(platform: Platform) -> Told:
    """Every operation has succeeded once, and what else the first release does has happened."""
    org = await Organisation.signed_up(platform)
    secrets = []
    for operation in sorted(COMMANDS, key=lambda each: each.is_disruptive):
        if operation.is_final:
            continue  # what is told of an end is told of another organisation
        call = await RECIPES[operation.id](org)
        client = await org.client_of(operation)
        answer = await client.request(operation.method, call.url, **call.content, headers=call.headers)
        assert answer.status_code < 300, f"{operation.line}: {answer.text}"
        if "x-shown-once" in operation.document["operation"]:
            secrets += [answer.json()[name] for name in operation.document["operation"]["x-shown-once"]]
    secrets += [*await _come_and_go(org), await _join(org), *await _forget_and_confirm(org)]
    await _deny(org)
    await _pay_in_parts(org)
    await _administer(org)
    async with _post_office(platform) as mails:
        await _mail(org, mails)
    await platform.carry(org.id)
    return Told(org, [*await _facts(org), await _deletion(org)], [PASSWORD, *secrets])


async def _come_and_go(org: Organisation) -> list[str]:
    """Sign in wrongly, sign in, refresh twice with the same cookie, change roles, sign out; the secrets shown."""
    member = await org.person(Role.SALES)
    thief = replace(member, browser=org.platform.place.browser())
    assert (await thief.sign_in("wrong horse")).status_code == 401
    secrets = []
    for end in ("logout", "reuse"):
        person = replace(member, browser=org.platform.place.browser())
        assert (await person.sign_in()).status_code == 200
        stolen = person.cookie
        secrets += [stolen, person.browser.headers["authorization"].partition(" ")[2]]
        for _ in range(2):
            assert (await person.refresh()).status_code == 200
        secrets.append(person.cookie)
        if end == "logout":
            assert (await person.browser.post("/auth/logout", headers=BROWSER)).status_code == 200
        else:
            again = org.platform.place.browser()
            again.cookies.set("execos_refresh_token", stolen, path="/api/v1/auth")
            assert (await again.post("/auth/refresh", headers=BROWSER)).status_code == 401
    await org.platform.place.reception.settle()
    client = await org.client()
    answer = await client.patch(f"/api/v1/users/{member.id}", json={"role": "SALES_MANAGER"})
    assert answer.status_code == 200, answer.text
    return secrets


async def _join(org: Organisation) -> str:
    """Somebody without an account accepts an invitation; the secret of its link."""
    call = await recipes.accept(org)
    async with org.platform.client() as anonymous:
        answer = await anonymous.post(call.url, **call.content)
    assert answer.status_code == 200, answer.text
    return call.url.split("/")[-2]


async def _forget_and_confirm(org: Organisation) -> list[str]:
    """Somebody forgets their password and sets another one, which confirms the address; the secrets of it."""
    member, place = await org.person(Role.FINANCE), org.platform.place
    browser = place.browser()
    assert (await browser.post("/auth/forgot-password", json={"email": member.email})).status_code == 200
    await place.answer_mail_requests()
    body = {
        "token": await place.link_token(member, LinkKind.PASSWORD_RESET),
        "newPassword": f"{PASSWORD} two",
    }
    assert (await browser.post("/auth/reset-password", json=body)).status_code == 200
    return list(body.values())


async def _deny(org: Organisation) -> None:
    """Each service refuses somebody once."""
    viewer = await org.client(Role.CASHIER)
    for path in ("/users", "/companies", "/work-items", "/invoices", "/audit"):
        assert (await viewer.get(f"/api/v1{path}")).status_code == 403


async def _pay_in_parts(org: Organisation) -> None:
    """An invoice is paid in two parts; another one is unlocked and locked again by the clock."""
    invoice = await recipes.sent_invoice(org)
    for amount in ("40.00", "60.00"):
        body = {"amount": amount, "method": "cash"}
        await org.post(f"/invoices/{invoice['id']}/payments", body, headers={"idempotency-key": uuid4().hex})
    billing = org.platform.stands["billing"]
    unlocked = await recipes.sent_invoice(org)
    await org.post(f"/invoices/{unlocked['id']}/unlock", {"reason": "a typing error"})
    now = billing.clock.now
    billing.clock.advance(days=5)
    await billing.run_periodic("lock-invoices")
    billing.clock.now = now


async def _administer(org: Organisation) -> None:
    """The platform closes the organisation and opens it again, gives and takes a host, disables somebody."""
    client, tenant = await org.platform.administrator(), f"/api/v1/platform/tenants/{org.id}"
    member = await org.person(Role.VIEWER)
    host = (await client.post(f"{tenant}/domains", json={"host": f"{org.mark}.example"})).json()
    for method, path, body in (
        ("DELETE", f"/domains/{host['id']}", None),
        ("POST", f"/users/{member.id}/disable", None),
        ("POST", f"/users/{member.id}/enable", None),
        ("POST", "/deactivate", None),
        ("POST", "/archive", None),
        ("POST", "/activate", None),
    ):
        answer = await client.request(method, f"{tenant}{path}", json=body)
        assert answer.status_code < 300, f"{path}: {answer.text}"


async def _deletion(org: Organisation) -> Any:
    """The fact of another organisation that is deleted."""
    gone = await org.platform.place.open()
    identity = org.platform.stands["identity"]
    now = identity.clock.now
    await org.platform.place.change_organisation(gone, status="archived", deletion_due_at=now)
    identity.clock.advance(minutes=2)
    await identity.run_periodic("delete-organisations")
    identity.clock.now = now
    async with identity.runtime.system.session(None, read_only=True) as session:
        rows = await session.execute(select(outbox).where(outbox.c.org_id == gone.org_id))
        return "identity", rows.one()


@asynccontextmanager
async def _post_office(platform: Platform) -> AsyncIterator[MailServer]:
    """A mail server that notifications knows."""
    async with mail_server() as mails:
        parts = platform.stands["notifications"].runtime.parts
        before = parts[Mailer]
        parts[Mailer] = Mailer(SecretStr(f"smtp://127.0.0.1:{mails.port}"), sender="no-reply@execos.test")
        yield mails
        parts[Mailer] = before


async def _mail(org: Organisation, mails: MailServer) -> None:
    """One invoice mail arrives, another one is refused for good."""
    stand = org.platform.stands["notifications"]
    stand.org_id = org.id
    await org.platform.carry(org.id)
    await stand.run_deferred()
    assert mails.taken
    mails.answers_to_rcpt = ["550 no such mailbox"]
    invoice = await recipes.sent_invoice(org)
    await org.platform.carry(org.id, about=invoice["id"])
    await stand.run_deferred()


async def _facts(org: Organisation) -> list[Any]:
    found: list[Any] = []
    for name, stand in org.platform.stands.items():
        async with stand.runtime.system.session(None, read_only=True) as session:
            rows = await session.execute(
                select(outbox).where(outbox.c.org_id == org.id).order_by(outbox.c.id)
            )
            found += [(name, row) for row in rows]
    return found


def test_everything_declared_is_told_or_on_the_list(told: Told):
    domain = {
        each for each in declared() if not each.endswith((".activity.recorded.v1", ".permission.denied.v1"))
    }
    assert {row.type for _, row in told.facts} & domain == domain - set(NOT_YET)


def test_every_service_feeds_the_audit_log_and_tells_whom_it_denied(told: Told):
    types = {row.type for _, row in told.facts}
    for name in set(ORDER) - {"notifications"}:  # where everybody may do everything, to what is theirs
        assert {f"{name}.activity.recorded.v1", f"{name}.permission.denied.v1"} <= types


def test_a_service_tells_only_its_own_facts(told: Told):
    assert {name for name, _ in told.facts} == set(ORDER)
    assert [row.type for name, row in told.facts if not row.type.startswith(f"{name}.")] == []


def test_what_is_told_has_the_shape_of_the_example(told: Told):
    known = {event_type: set(_shape(example_of(event_type))) for event_type in declared()}
    for _, row in told.facts:
        assert set(_shape(row.payload)) <= known[row.type], row.type
        assert to_dict(parsed(row.type, row.payload)) == row.payload, row.type


def _shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where which JSON type is."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _shape(each, f"{path}.{name}")
    elif isinstance(value, list):
        for each in value:
            yield from _shape(each, f"{path}[]")
    else:
        yield path, type(value).__name__


def test_headers_are_those_of_the_contract(told: Told):
    for name, row in told.facts:
        headers = relay._headers(row, name)
        assert set(headers) == HEADERS, row.type
        assert all(each.isascii() and each.isprintable() for pair in headers.items() for each in pair)
        kind, _, actor = headers["actor"].partition(":")
        assert kind in {"user", "system"}
        assert bool(actor) == (kind == "user"), headers["actor"]


def test_a_snapshot_is_of_the_version_that_its_fact_names(told: Told):
    for _, row in told.facts:
        for snapshot in row.payload.values():
            if isinstance(snapshot, dict) and "version" in snapshot:
                own = snapshot.get("id") or snapshot["userId"]
                if own == str(row.aggregate_id):
                    assert snapshot["version"] == row.aggregate_version, row.type


def test_facts_of_one_aggregate_come_in_the_order_of_its_versions(told: Told):
    last: dict[tuple[str, UUID], int] = {}
    for name, row in told.facts:
        if row.type == "identity.login.failed.v1" or row.type.endswith(".activity.recorded.v1"):
            continue  # about a person, before it is known whether it is them; about a row, whatever it is a part of
        key = (f"{name}.{row.aggregate_type}", row.aggregate_id)
        assert row.aggregate_version >= last.get(key, 0), row.type
        last[key] = row.aggregate_version


def test_no_fact_carries_a_secret(told: Told):
    for _, row in told.facts:
        text = orjson.dumps(row.payload).decode() + orjson.dumps(row.headers).decode()
        assert not any(secret in text for secret in told.secrets), row.type
        named = {name for name in _names(row.payload) if any(each in name.lower() for each in SECRETS)}
        assert named <= NO_SECRETS, row.type


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if each != REDACTED:
                yield name
            yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)
    elif isinstance(value, str) and value.startswith("{"):
        yield from _names(orjson.loads(value))


async def test_the_audit_log_holds_every_entry_and_its_chain_holds(told: Told):
    suffixes = (".activity.recorded.v1", ".permission.denied.v1")
    expected = sum(row.type.endswith(suffixes) for _, row in told.facts)
    assert (await told.org.get("/audit?pageSize=1"))["totalCount"] == expected
    verdict = await told.org.get("/audit/verify")
    assert (verdict["ok"], verdict["checked"]) == (True, expected)


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda each: each.line)
async def test_every_command_leaves_an_entry_of_who_did_it(operation: Operation, organisation: Organisation):
    call = await RECIPES[operation.id](organisation)
    client = await organisation.client_of(operation)
    request_id = str(uuid4())
    headers = call.headers | {"x-request-id": request_id}
    answer = await client.request(operation.method, call.url, **call.content, headers=headers)
    assert answer.status_code < 300, answer.text
    entries = await organisation.platform.entries(operation.service, request_id)
    assert bool(entries) == (operation.line not in WITHOUT_ACTIVITY)
    for entry in entries:
        person = organisation.platform.owner if operation.is_platform else organisation.owner
        assert person is not None
        assert entry["actor"]["id"] == str(person.id)
        assert entry["actor"]["kind"] == "user"
        assert entry["id"]
        assert entry["entityType"].isupper()
