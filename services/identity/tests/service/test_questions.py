"""Questions of other services over real gRPC: the answers, and who may ask."""

from collections.abc import AsyncIterator, Callable
from uuid import UUID, uuid4

import pytest
from services.identity.tests.place import Place

from chassis.errors import DependencyUnavailable, Invalid, NotFound
from chassis.ids import new_id
from chassis.rpc import Peer, RpcServer, ServiceIdentity
from clients.identity.client import IdentityClient
from clients.identity.types import MailLinkKind
from identity.domain.mail_links import LinkKind
from identity.domain.members import MemberState
from identity.domain.roles import Role
from identity.rpc.identity_service import CALLERS, serve_identity
from local.ports import free_port

SECRET = "s" * 40
Ask = Callable[[str], IdentityClient]


@pytest.fixture
async def ask(place: Place) -> AsyncIterator[Ask]:
    """A client as the named service."""
    address = f"127.0.0.1:{free_port()}"
    server = RpcServer(ServiceIdentity("identity", SECRET), CALLERS, {})
    serve_identity(place.stand.runtime, server.grpc)
    await server.start(address)
    peers: list[Peer] = []

    def client(name: str) -> IdentityClient:
        peers.append(Peer("identity", address, ServiceIdentity(name, SECRET)))
        return IdentityClient(peers[-1])

    yield client
    for peer in peers:
        await peer.close()
    await server.stop(0)


async def test_organisation_is_answered_with_policies_and_legal_profile(place: Place, ask: Ask) -> None:
    owner = await place.act(Role.OWNER)
    address = {"line1": "Werkstrasse 1", "postalCode": "10115", "city": "Berlin", "country": "DE"}
    await owner.browser.put("/org/legal", json={"legalName": "Works GmbH", "address": address})
    organisation = await ask("sales").organisation(place.owner.org_id)
    assert (organisation.slug, organisation.status, organisation.version) == (place.owner.slug, "active", 2)
    assert organisation.policies.stale_deal_after_days == 7
    assert organisation.legal is not None
    assert (organisation.legal["legal_name"], organisation.legal["address"]["city"]) == (
        "Works GmbH",
        "Berlin",
    )
    assert "sales" in organisation.modules
    with pytest.raises(NotFound):
        await ask("sales").organisation(new_id())


async def test_all_organisations_are_listed_page_by_page(
    place: Place, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.identity.client.PAGE", 2)
    made = {place.owner.org_id} | {(await place.open()).org_id for _ in range(4)}
    listed = [organisation.id for organisation in await ask("reporting").organisations()]
    assert made <= set(listed)
    assert listed == sorted(set(listed))


async def test_members_are_answered_whatever_their_state(place: Place, ask: Ask) -> None:
    suspended = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    stranger = await place.open()
    found = await ask("work").members(
        place.owner.org_id, [place.owner.id, suspended.id, stranger.id, uuid4()]
    )
    assert {(member.id, member.role, member.status) for member in found} == {
        (place.owner.id, "OWNER", "active"),
        (suspended.id, "SALES", "suspended"),
    }
    with pytest.raises(Invalid):
        await ask("work").members(place.owner.org_id, [uuid4() for _ in range(501)])


async def test_members_are_listed_by_role_page_by_page(
    place: Place, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.identity.client.PAGE", 2)
    sales = {(await place.join(Role.SALES)).id for _ in range(3)}
    client = ask("notifications")
    assert {member.id for member in await client.list_members(place.owner.org_id)} == sales | {place.owner.id}
    assert {member.id for member in await client.list_members(place.owner.org_id, ["SALES"])} == sales
    assert await client.list_members(new_id()) == []


async def test_roles_are_answered_with_what_they_may_do_in_effect(place: Place, ask: Ask) -> None:
    owner = await place.act(Role.OWNER)
    keeper = {"key": "keeper", "name": "Keeper", "permissions": ["invoices:pay", "invoices:read"]}
    await owner.browser.post("/roles", json=keeper)
    await owner.browser.put("/roles/cashier/overrides", json={"grants": ["deals:read"], "denies": []})
    roles = await ask("notifications").roles(owner.org_id)
    assert [(role.key, sorted(role.permissions), role.version) for role in roles] == [
        ("CASHIER", ["deals:read"], 1),
        ("KEEPER", ["invoices:pay", "invoices:read"], 1),
    ]
    assert await ask("notifications").roles((await place.open()).org_id) == []


async def test_addresses_are_for_active_members_and_those_who_write_mails(place: Place, ask: Ask) -> None:
    suspended = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    french = await place.join(Role.SALES)
    await place.change_account(french, locale="fr", time_zone="Europe/Paris")
    ids = [place.owner.id, suspended.id, french.id]
    found = await ask("notifications").contact_addresses(place.owner.org_id, ids)
    assert {(each.email, each.locale, each.time_zone) for each in found} == {
        (place.owner.email, "en", "UTC"),
        (french.email, "fr", "Europe/Paris"),
    }
    with pytest.raises(DependencyUnavailable):
        await ask("sales").contact_addresses(place.owner.org_id, ids)


async def test_a_link_is_the_same_text_however_often_and_for_who_mails_it_only(
    place: Place, ask: Ask
) -> None:
    link_id = await place.mail_link(place.owner, LinkKind.EMAIL_VERIFICATION)
    question = (place.owner.org_id, MailLinkKind.EMAIL_VERIFICATION, link_id)
    first, again = [await ask("notifications").mint_mail_link(*question) for _ in range(2)]
    assert first == again
    path, _, token = first.path.rpartition("/")
    assert (path, first.email, first.name) == ("/verify", place.owner.email, "Olga Owner")
    assert (first.locale, first.organisation) == ("en", place.owner.slug)
    assert place.reception.seals.read_mail_token(LinkKind.EMAIL_VERIFICATION, token) == (link_id, 0)
    assert place.reception.seals.read_mail_token(LinkKind.PASSWORD_RESET, token) is None
    assert (first.expires_at - place.stand.clock.now).total_seconds() == 30 * 60
    with pytest.raises(DependencyUnavailable):
        await ask("reporting").mint_mail_link(*question)


@pytest.mark.parametrize("end", ["used_at", "voided_at", "expires_at"])
async def test_a_dead_link_is_minted_no_more(place: Place, ask: Ask, end: str) -> None:
    link_id = await place.mail_link(place.owner, LinkKind.PASSWORD_RESET, **{end: place.stand.clock.now})
    with pytest.raises(NotFound):
        await ask("notifications").mint_mail_link(place.owner.org_id, MailLinkKind.PASSWORD_RESET, link_id)


async def test_no_mail_goes_to_an_address_that_somebody_else_has(place: Place, ask: Ask) -> None:
    new = f"{uuid4().hex}@moved.example"
    links = [
        await place.mail_link(place.owner, LinkKind.EMAIL_CHANGE, email=mailbox, new_email=new)
        for mailbox in (place.owner.email, new)
    ]
    questions = [(place.owner.org_id, MailLinkKind.EMAIL_CHANGE, link_id) for link_id in links]
    for question, mailbox in zip(questions, (place.owner.email, new), strict=True):
        assert (await ask("notifications").mint_mail_link(*question)).email == mailbox
    await place.join(Role.SALES, email=new)
    for question in questions:
        with pytest.raises(NotFound):
            await ask("notifications").mint_mail_link(*question)


async def test_an_invitation_is_minted_by_its_newest_mail_until_it_is_over(place: Place, ask: Ask) -> None:
    owner = await place.act(Role.OWNER)
    email = f"{uuid4().hex}@new.example"
    body = {"email": email, "role": "SALES_MANAGER"}
    invitation = (await owner.browser.post("/org/invite", json=body)).json()
    question = (owner.org_id, MailLinkKind.INVITATION, UUID(invitation["id"]))
    link = await ask("notifications").mint_mail_link(*question, generation=1)
    assert (link.email, link.name, link.inviter) == (email, email[:32], "OWNER Person")
    assert (link.organisation, link.role, link.locale) == (owner.slug, "Sales manager", "en")
    assert (link.expires_at - place.stand.clock.now).days == 7
    path, _, token = link.path.rpartition("/")
    assert path == "/invite"
    assert (await place.browser().get(f"/auth/invitations/{token}")).json()["role"] == "SALES_MANAGER"
    await owner.browser.post(f"/org/invitations/{invitation['id']}/resend")
    with pytest.raises(NotFound):
        await ask("notifications").mint_mail_link(*question, generation=1)
    assert (await ask("notifications").mint_mail_link(*question, generation=2)).path != link.path
    other = (await place.open()).org_id
    with pytest.raises(NotFound):
        await ask("notifications").mint_mail_link(other, *question[1:], generation=2)
    await owner.browser.delete(f"/org/invitations/{invitation['id']}")
    with pytest.raises(NotFound):
        await ask("notifications").mint_mail_link(*question, generation=2)


async def test_an_invitation_by_a_role_of_ones_own_names_it_as_people_do(place: Place, ask: Ask) -> None:
    owner = await place.act(Role.OWNER)
    role = {"key": "SKIPPER", "name": "Harbour skipper", "permissions": ["deals:read"]}
    assert (await owner.browser.post("/roles", json=role)).status_code == 201
    body = {"name": "Jane Roe", "email": f"{uuid4().hex}@new.example", "role": "skipper"}
    await owner.browser.post("/users", json=body)
    (fact,) = await place.facts("member.invited")
    subject = UUID(fact.message.invitation_id)
    link = await ask("notifications").mint_mail_link(
        owner.org_id, MailLinkKind.INVITATION, subject, generation=1
    )
    assert (link.role, link.name) == ("Harbour skipper", "Jane Roe")


async def test_strangers_are_refused(place: Place, ask: Ask) -> None:
    with pytest.raises(DependencyUnavailable):
        await ask("gateway").organisation(place.owner.org_id)
