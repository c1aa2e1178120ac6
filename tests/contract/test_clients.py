"""The fake of a service answers every question as the real service does, refusals included."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.contract import recipes
from tests.contract.organisations import Json, Organisation
from tests.contract.platform import SECRET, Platform

from chassis.errors import AppError
from chassis.ids import new_id
from chassis.money import Money
from chassis.rpc import Peer, ServiceIdentity
from clients.billing.client import BillingClient
from clients.billing.fake import FakeBilling
from clients.billing.types import Pdf
from clients.identity.client import IdentityClient
from clients.identity.fake import FakeIdentity
from clients.identity.types import ApiKey, MailLinkKind
from clients.jobs.client import JobsClient
from clients.jobs.fake import FakeJobs
from clients.jobs.types import Job
from clients.sales.client import SalesClient
from clients.sales.fake import FakeSales
from identity.domain.mail_links import LinkKind
from identity.domain.roles import Role

Question = Callable[[Any, Any], Awaitable[Any]]
UNKNOWN = UUID("01890000-0000-7000-8000-000000000000")
JOB = "billing.relock-invoices"


class Known:
    """One organisation with everything to be asked about, a stranger, and the fakes that know the same."""

    org: Organisation
    stranger: Organisation
    rows: dict[str, Json]

    def __getattr__(self, name: str) -> UUID:
        return UUID(self.rows[name]["id"])


@pytest.fixture(scope="session")
async def known(platform: Platform) -> Known:
    """Made through the doors for people."""
    known = Known()
    org = known.org = await Organisation.founded(platform)
    known.stranger = await Organisation.founded(platform)
    await (await org.client()).put("/api/v1/org/legal", json=recipes.LEGAL)
    for role in (Role.SALES, Role.FINANCE):
        await org.person(role)
    known.rows = {"invited": await recipes.member(org), "suspended": await recipes.member(org)}
    keeper = {"key": "keeper", "name": "Keeper", "permissions": ["invoices:read", "deals:read"]}
    await org.post("/roles", keeper)
    taken = {"grants": ["invoices:void"], "denies": ["deals:win"]}
    await (await org.client()).put("/api/v1/roles/sales/overrides", json=taken)
    known.rows["key"] = await recipes.api_key(org)
    await org.post(f"/users/{known.suspended}/deactivate")
    for name, values in (("link", {}), ("used_link", {"used_at": datetime.now(UTC)})):
        link_id = await platform.place.mail_link(org.owner, LinkKind.PASSWORD_RESET, **values)
        known.rows[name] = {"id": str(link_id)}
    await _sell(known)
    await _bill(known)
    return known


async def _sell(known: Known) -> None:
    org = known.org
    known.rows["company"] = await recipes.company(org)
    bare = await org.post("/companies", {"name": org.name("Bare"), "address": recipes.ADDRESS})
    known.rows["bare"] = bare
    known.rows["reachable"] = await org.post("/companies", {"name": org.name("Reachable")})
    contact = {
        "name": org.name("Contact"),
        "companyId": str(known.reachable),
        "email": "first@customer.example",
    }
    await org.post("/contacts", contact)
    known.rows["archived"] = await org.post("/companies", {"name": org.name("Archived")})
    await org.post(f"/companies/{known.archived}/archive")
    known.rows["deal"] = await recipes.deal(org)
    lead = await recipes.lead(org)
    converted = await org.post(f"/leads/{lead['id']}/convert-to-deal", {"ownerUserId": str(org.owner.id)})
    known.rows["won"] = converted.get("deal", converted)
    await org.post(f"/deals/{known.won}/mark-won")


async def _bill(known: Known) -> None:
    org = known.org
    buyer = {"companyId": str(known.company), "amount": "100.00"}
    for name, due in (
        ("later", "2199-12-31"),
        ("sooner", "2199-01-01"),
        ("draft", "2199-06-30"),
        ("void", "2199-06-30"),
    ):
        known.rows[name] = await org.post("/invoices", buyer | {"dueDate": due})
        if name != "draft":
            await org.post(f"/invoices/{known.rows[name]['id']}/send")
    await org.post(f"/invoices/{known.void}/void", {"reason": "sent twice"})
    payment = {"amount": "40.00", "method": "cash"}
    await org.post(f"/invoices/{known.later}/payments", payment, headers={"idempotency-key": uuid4().hex})
    other = {"companyId": str(known.bare), "amount": "7.00", "currency": "USD", "dueDate": "2199-03-01"}
    known.rows["other"] = await org.post("/invoices", other)
    await org.post(f"/invoices/{known.other}/send")
    paid = await recipes.sent_invoice(org)
    known.rows["paid"] = await org.post(f"/invoices/{paid['id']}/mark-paid")


async def outcome(question: Awaitable[Any]) -> Any:
    """What a question leads to: its answer, or how it is refused."""
    try:
        return await question
    except AppError as refused:
        return (refused.kind, refused.reason)


@pytest.fixture
async def away() -> AsyncIterator[Peer]:
    """A channel to nobody."""
    peer = Peer("nobody", "127.0.0.1:9", ServiceIdentity("reporting", SECRET))
    yield peer
    await peer.close()


# --------------------------------------------------------------------------------------------------- identity

IDENTITY: dict[str, Question] = {
    "an organisation": lambda ask, of: ask.organisation(of.org.id),
    "an unknown organisation": lambda ask, _of: ask.organisation(UNKNOWN),
    "nobody": lambda ask, of: ask.members(of.org.id, []),
    "members of any status": lambda ask, of: ask.members(
        of.org.id, [of.org.owner.id, of.invited, of.suspended]
    ),
    "members in another order": lambda ask, of: ask.members(of.org.id, [of.suspended, of.org.owner.id]),
    "a member twice": lambda ask, of: ask.members(of.org.id, [of.invited, of.invited]),
    "an unknown member": lambda ask, of: ask.members(of.org.id, [UNKNOWN, of.invited]),
    "another's member": lambda ask, of: ask.members(of.org.id, [of.stranger.owner.id]),
    "members of an unknown organisation": lambda ask, of: ask.members(UNKNOWN, [of.invited]),
    "all members": lambda ask, of: ask.list_members(of.org.id),
    "members by role": lambda ask, of: ask.list_members(of.org.id, ["SALES", "OWNER"]),
    "members of no role": lambda ask, of: ask.list_members(of.org.id, ["CASHIER"]),
    "all members of nobody": lambda ask, _of: ask.list_members(UNKNOWN),
    "roles": lambda ask, of: ask.roles(of.org.id),
    "roles of nobody": lambda ask, _of: ask.roles(UNKNOWN),
    "addresses of active members": lambda ask, of: ask.contact_addresses(
        of.org.id, [of.org.owner.id, of.invited, of.suspended, UNKNOWN, of.stranger.owner.id]
    ),
    "addresses of nobody": lambda ask, of: ask.contact_addresses(of.org.id, []),
    "a link": lambda ask, of: ask.mint_mail_link(of.org.id, MailLinkKind.PASSWORD_RESET, of.link),
    "a link of another kind": lambda ask, of: ask.mint_mail_link(
        of.org.id, MailLinkKind.EMAIL_CHANGE, of.link
    ),
    "a link that is used": lambda ask, of: ask.mint_mail_link(
        of.org.id, MailLinkKind.PASSWORD_RESET, of.used_link
    ),
    "another's link": lambda ask, of: ask.mint_mail_link(
        of.stranger.id, MailLinkKind.PASSWORD_RESET, of.link
    ),
    "an unknown invitation": lambda ask, of: ask.mint_mail_link(
        of.org.id, MailLinkKind.INVITATION, UNKNOWN, 1
    ),
    "addresses in an unknown organisation": lambda ask, of: ask.contact_addresses(UNKNOWN, [of.invited]),
    "a key": lambda ask, of: ask.api_key(of.rows["key"]["token"]),
    "what is no key": lambda ask, of: ask.api_key("exk_test_nothing"),
}


@pytest.fixture
async def identities(platform: Platform, known: Known) -> AsyncIterator[tuple[IdentityClient, FakeIdentity]]:
    """The real one and a fake that knows the same."""
    peer, mails = (platform.peer("identity", name) for name in ("reporting", "notifications"))
    real, fake = IdentityClient(peer), FakeIdentity()
    for name in ("mint_mail_link", "roles"):  # notifications alone may
        setattr(real, name, getattr(IdentityClient(mails), name))
    for org in (known.org, known.stranger):
        fake.known_organisations[org.id] = await real.organisation(org.id)
        for member in await real.list_members(org.id):
            fake.known_members[org.id, member.id] = member
        for role in await real.roles(org.id):
            fake.known_roles[org.id, role.id] = role
    kind = MailLinkKind.PASSWORD_RESET
    link = await real.mint_mail_link(known.org.id, kind, known.link)
    fake.known_mail_links[known.org.id, kind, known.link, 0] = link
    key = known.rows["key"]
    ends = datetime.fromisoformat(key["expiresAt"])
    told = ApiKey(known.org.id, UUID(key["id"]), key["name"], frozenset(key["scopes"]), ends)
    fake.known_keys[key["token"]] = told
    yield real, fake
    await peer.close()
    await mails.close()


@pytest.mark.parametrize("question", IDENTITY)
async def test_identity_and_its_fake_answer_alike(
    question: str, identities: tuple[IdentityClient, FakeIdentity], known: Known
):
    real, fake = [await outcome(IDENTITY[question](each, known)) for each in identities]
    assert fake == real


async def test_identity_lists_every_organisation_as_its_fake_does(
    identities: tuple[IdentityClient, FakeIdentity], known: Known
):
    ours = {known.org.id, known.stranger.id}
    real, fake = [[each for each in await ask.organisations() if each.id in ours] for ask in identities]
    assert fake == real
    assert len(real) == len(ours)


async def test_identity_tells_what_people_see(identities: tuple[IdentityClient, FakeIdentity], known: Known):
    real, _ = identities
    told, seen = await real.organisation(known.org.id), await known.org.get("/org")
    assert (told.name, told.slug, told.status) == (seen["name"], seen["slug"], seen["status"])
    assert (told.time_zone, told.currency, told.locale) == (
        seen["timeZone"],
        seen["currency"],
        seen["locale"],
    )
    assert sorted(told.modules) == sorted(seen["modules"])
    assert told.legal is not None
    assert (told.legal["legal_name"], told.legal["vat_id"]) == ("Mark Works GmbH", "DE123456789")
    assert told.legal["address"]["city"] == "Hamburg"
    policies = await known.org.get("/settings/policies")
    for name, value in asdict(told.policies).items():
        seen_value = policies[
            "".join([part if i == 0 else part.title() for i, part in enumerate(name.split("_"))])
        ]
        assert (list(value) if isinstance(value, tuple) else value) == seen_value, name
    (member,) = await real.members(known.org.id, [known.suspended])
    user = await known.org.get(f"/users/{known.suspended}")
    for name in ("version", "name", "email", "role", "status", "title"):
        assert getattr(member, name) == user[name], name


# ------------------------------------------------------------------------------------------------------ sales

SALES: dict[str, Question] = {
    "a buyer with an address of its own": lambda ask, of: ask.buyer(of.org.id, of.company),
    "a buyer with a contact": lambda ask, of: ask.buyer(of.org.id, of.reachable),
    "a buyer that cannot be reached": lambda ask, of: ask.buyer(of.org.id, of.bare),
    "an archived buyer": lambda ask, of: ask.buyer(of.org.id, of.archived),
    "an unknown buyer": lambda ask, of: ask.buyer(of.org.id, UNKNOWN),
    "another's buyer": lambda ask, of: ask.buyer(of.stranger.id, of.company),
    "companies": lambda ask, of: ask.companies(of.org.id, [of.reachable, of.company, of.archived]),
    "companies, some unknown, one twice": lambda ask, of: ask.companies(
        of.org.id, [UNKNOWN, of.company, of.company]
    ),
    "no companies": lambda ask, of: ask.companies(of.org.id, []),
    "another's companies": lambda ask, of: ask.companies(of.stranger.id, [of.company]),
    "a company by its name": lambda ask, of: ask.company_named(of.org.id, of.rows["company"]["name"]),
    "a company by its name in capitals": lambda ask, of: ask.company_named(
        of.org.id, f"  {of.rows['company']['name'].upper()} "
    ),
    "an archived company by its name": lambda ask, of: ask.company_named(
        of.org.id, of.rows["archived"]["name"]
    ),
    "a company by no name": lambda ask, of: ask.company_named(of.org.id, ""),
    "another's company by its name": lambda ask, of: ask.company_named(
        of.stranger.id, of.rows["company"]["name"]
    ),
    "a deal": lambda ask, of: ask.deal(of.org.id, of.deal),
    "a won deal that was a lead": lambda ask, of: ask.deal(of.org.id, of.won),
    "an unknown deal": lambda ask, of: ask.deal(of.org.id, UNKNOWN),
    "another's deal": lambda ask, of: ask.deal(of.stranger.id, of.deal),
    "deals": lambda ask, of: ask.deals(of.org.id, [of.won, UNKNOWN, of.deal, of.won]),
    "no deals": lambda ask, of: ask.deals(of.org.id, []),
}


@pytest.fixture
async def sellers(platform: Platform, known: Known) -> AsyncIterator[tuple[SalesClient, FakeSales]]:
    """The real one and a fake that knows the same."""
    peer = platform.peer("sales", "reporting")
    real, fake = SalesClient(peer), FakeSales()
    for each in await real.companies(
        known.org.id, [known.company, known.bare, known.reachable, known.archived]
    ):
        fake.known_companies[known.org.id, each.id] = each
    fake.primary_emails[known.reachable] = "first@customer.example"
    for deal in await real.deals(known.org.id, [known.deal, known.won]):
        fake.known_deals[known.org.id, deal.id] = deal
    yield real, fake
    await peer.close()


@pytest.mark.parametrize("question", SALES)
async def test_sales_and_its_fake_answer_alike(
    question: str, sellers: tuple[SalesClient, FakeSales], known: Known
):
    real, fake = [await outcome(SALES[question](each, known)) for each in sellers]
    assert fake == real


async def test_sales_tells_what_people_see(sellers: tuple[SalesClient, FakeSales], known: Known):
    real, _ = sellers
    deal, seen = await real.deal(known.org.id, known.won), await known.org.get(f"/deals/{known.won}")
    assert (deal.title, deal.stage, deal.version) == (seen["title"], "WON", seen["version"])
    assert str(deal.company_id) == seen["companyId"]
    assert deal.company_name == seen["company"]["name"]
    assert deal.won_at == datetime.fromisoformat(seen["wonAt"])
    assert str(deal.owner_user_id) == seen["ownerUserId"]
    assert deal.lead_id is not None
    assert (await real.deal(known.org.id, known.deal)).value == Money(10_000, "EUR")
    (bare,) = await real.companies(known.org.id, [known.bare])
    seen = await known.org.get(f"/companies/{known.bare}")
    assert (bare.name, bare.version) == (seen["name"], seen["version"])
    assert bare.address is not None
    assert (bare.address["city"], bare.address["postal_code"], bare.address["line2"]) == (
        "Hamburg",
        "20457",
        None,
    )
    assert bare.created_at == datetime.fromisoformat(seen["createdAt"])


# ---------------------------------------------------------------------------------------------------- billing

BILLING: dict[str, Question] = {
    "a sent invoice": lambda ask, of: ask.invoice(of.org.id, of.sooner),
    "a draft": lambda ask, of: ask.invoice(of.org.id, of.draft),
    "a void one": lambda ask, of: ask.invoice(of.org.id, of.void),
    "an unknown invoice": lambda ask, of: ask.invoice(of.org.id, UNKNOWN),
    "another's invoice": lambda ask, of: ask.invoice(of.stranger.id, of.sooner),
    "what is open": lambda ask, of: ask.open_invoices(of.org.id),
    "what a company has open": lambda ask, of: ask.open_invoices(of.org.id, of.company),
    "what an unknown company has open": lambda ask, of: ask.open_invoices(of.org.id, UNKNOWN),
    "what is open elsewhere": lambda ask, of: ask.open_invoices(of.stranger.id),
    "what a company owes": lambda ask, of: ask.balance_of(of.org.id, of.company),
    "what another company owes": lambda ask, of: ask.balance_of(of.org.id, of.bare),
    "what an unknown company owes": lambda ask, of: ask.balance_of(of.org.id, UNKNOWN),
    "a document": lambda ask, of: ask.invoice_pdf(of.org.id, of.sooner),
    "a document of a void invoice": lambda ask, of: ask.invoice_pdf(of.org.id, of.void),
    "a document of a draft": lambda ask, of: ask.invoice_pdf(of.org.id, of.draft),
    "a document of an unknown invoice": lambda ask, of: ask.invoice_pdf(of.org.id, UNKNOWN),
}


@pytest.fixture
async def billers(platform: Platform, known: Known) -> AsyncIterator[tuple[BillingClient, FakeBilling]]:
    """The real one and a fake that knows the same; notifications may ask everything."""
    documents, questions = (platform.peer("billing", name) for name in ("notifications", "reporting"))
    real, fake = BillingClient(questions), FakeBilling()
    real.invoice_pdf = BillingClient(documents).invoice_pdf  # type: ignore[method-assign] # notifications alone may
    for name in ("later", "sooner", "draft", "void", "other", "paid"):
        invoice = await real.invoice(known.org.id, getattr(known, name))
        fake.known_invoices[known.org.id, invoice.id] = invoice
    yield real, fake
    await documents.close()
    await questions.close()


@pytest.mark.parametrize("question", BILLING)
async def test_billing_and_its_fake_answer_alike(
    question: str, billers: tuple[BillingClient, FakeBilling], known: Known
):
    real, fake = [_unprinted(await outcome(BILLING[question](each, known))) for each in billers]
    assert fake == real


def _unprinted(answer: Any) -> Any:
    """A document without its contents, which are a PDF."""
    if not isinstance(answer, Pdf):
        return answer
    assert answer.content.startswith(b"%PDF-")
    return answer.filename


async def test_billing_tells_what_people_see(billers: tuple[BillingClient, FakeBilling], known: Known):
    real, _ = billers
    told, seen = (
        await real.invoice(known.org.id, known.later),
        await known.org.get(f"/invoices/{known.later}"),
    )
    assert (told.number, told.status, told.version) == (
        seen["invoiceNumber"],
        seen["status"],
        seen["version"],
    )
    assert (told.gross, told.paid, told.balance) == (
        Money(10_000, "EUR"),
        Money(4_000, "EUR"),
        Money(6_000, "EUR"),
    )
    assert (str(told.company.id), told.company.name) == (seen["companyId"], seen["company"]["name"])
    assert told.due_date.isoformat() == seen["dueDate"]
    assert told.sent_at == datetime.fromisoformat(seen["sentAt"])


# ------------------------------------------------------------------------------------------------------- jobs


@pytest.fixture(params=["real", "fake"])
async def jobs(request: pytest.FixtureRequest, platform: Platform) -> AsyncIterator[Any]:
    """The jobs of reporting, and a fake with the same one."""
    if request.param == "fake":
        fake = FakeJobs("reporting")
        fake.add_job("compute-health-score")
        yield fake
        return
    peer = platform.peer("reporting", "reporting")
    yield JobsClient(peer)
    await peer.close()


async def test_jobs_are_listed_with_their_next_run(jobs: Any):
    found = await jobs.jobs(new_id())
    assert [each.name for each in found] == [recipes.JOB]
    assert all(isinstance(each, Job) and each.schedule and each.description for each in found)
    assert await jobs.jobs(new_id(), recipes.JOB) == [
        replace(found[0], next_run=(await jobs.jobs(new_id()))[0].next_run)
    ]
    assert (found[0].last_run, found[0].runs) == (None, ())
    assert found[0].next_run is not None
    assert found[0].next_run.tzinfo is UTC


async def test_a_run_is_queued_once_for_a_request_and_shown_to_its_organisation(jobs: Any):
    org_id = new_id()
    run = await jobs.run(org_id, recipes.JOB, "request-1")
    assert (run.name, run.status, run.error) == (recipes.JOB, "queued", None)
    assert (await jobs.run(org_id, recipes.JOB, "request-1")).id == run.id
    (job,) = await jobs.jobs(org_id, recipes.JOB)
    assert (job.last_run, job.runs) == (run, (run,))
    assert (await jobs.jobs(new_id(), recipes.JOB))[0].runs == ()


async def test_a_run_that_is_active_is_the_answer_to_another_request_too(jobs: Any):
    org_id = new_id()
    run = await jobs.run(org_id, recipes.JOB, "request-1")
    assert (await jobs.run(org_id, recipes.JOB, "request-2")).id == run.id
    assert len((await jobs.jobs(org_id, recipes.JOB))[0].runs) == 1


async def test_an_unknown_job_is_not_found(jobs: Any):
    for question in (jobs.jobs(new_id(), "reporting.nothing"), jobs.run(new_id(), "reporting.nothing", "r")):
        assert await outcome(question) == ("NOT_FOUND", "NOT_FOUND")


# ------------------------------------------------------------------------------------------------------- away


async def test_a_service_that_is_away_is_unavailable_to_real_and_fake(away: Peer):
    pairs: list[tuple[Any, Any, Question]] = [
        (IdentityClient(away), FakeIdentity(is_away=True), lambda ask, org: ask.organisation(org)),
        (SalesClient(away), FakeSales(is_away=True), lambda ask, org: ask.deals(org, [org])),
        (BillingClient(away), FakeBilling(is_away=True), lambda ask, org: ask.open_invoices(org)),
        (JobsClient(away), FakeJobs("billing", is_away=True), lambda ask, org: ask.jobs(org)),
    ]
    for real, fake, question in pairs:
        expected = ("UNAVAILABLE", "DEPENDENCY_UNAVAILABLE")
        assert await outcome(question(fake, UNKNOWN)) == expected
        assert await outcome(question(real, UNKNOWN)) == expected
