"""Who is told what: by assignment, ownership and role, never the actor, never who may not read it, once."""

import asyncio
from uuid import UUID

import pytest
from services.notifications.tests.place import Place

from chassis.ids import new_id
from execos.billing.v1.events_pb2 import InvoicePaid
from execos.platform.v1.values_pb2 import Reference
from execos.sales.v1.events_pb2 import (
    DealCreated,
    DealLost,
    DealUpdated,
    DealWon,
    ImportFinished,
    LeadConverted,
    LeadCreated,
    LeadUpdated,
    NoteAdded,
    NoteUpdated,
)
from execos.work.v1.events_pb2 import ItemAssigned, ItemCompleted

ROLES = ("OWNER", "ADMIN", "CEO", "DIRECTOR", "SALES_MANAGER", "SALES", "OPS", "FINANCE", "VIEWER", "CASHIER")


async def one_of_each(place: Place) -> dict[str, UUID]:
    """A person of every role."""
    return {role: await place.person(role) for role in ROLES}


async def told(place: Place, people: dict[str, UUID]) -> set[str]:
    """The roles whose person was told anything."""
    return {role for role, person in people.items() if await place.inbox(person)}


async def test_nobody_is_told_while_the_module_is_off(place: Place) -> None:
    ops = await place.person("OPS")
    await place.organisation(is_on=False)
    item = place.item(assigned_to_user_id=ops)
    await place.tell(ItemAssigned(item=item), item.id)
    await place.organisation()
    assert await place.inbox(ops) == []
    other = place.item(assigned_to_user_id=ops)
    await place.tell(ItemAssigned(item=other), other.id)
    assert len(await place.inbox(ops)) == 1


async def test_assignee_is_told(place: Place) -> None:
    boss, ops = await place.person("DIRECTOR", name="Dora"), await place.person("OPS")
    item = place.item(
        assigned_to_user_id=ops, due_date="2026-12-04", company=Reference(id="c", name="Hafen AG")
    )
    await place.tell(ItemAssigned(item=item), item.id, by=boss)
    [notice] = await place.inbox(ops)
    assert notice["actor"].pop("email").endswith("@test.example")
    created_at = place.now.isoformat().replace("+00:00", "Z")
    assert notice == {
        "id": notice["id"],
        "type": "work_item.assigned",
        "title": "Assigned to you: Paint the fence",
        "body": "Hafen AG · due Dec 4, 2026",
        "link": f"/work/items/{item.id}",  # house: allow machine-path, a path of the web console
        "entityType": "WORK_ITEM",
        "entityId": item.id,
        "actor": {"id": str(boss), "name": "Dora", "kind": "user"},
        "readAt": None,
        "version": 1,
        "createdAt": created_at,
        "updatedAt": created_at,
    }
    assert await place.inbox(boss) == []


@pytest.mark.parametrize(
    ("entity_type", "roles"),
    [
        ("COMPANY", set(ROLES) - {"OPS", "CASHIER"}),
        ("CONTACT", set(ROLES) - {"OPS", "CASHIER", "FINANCE"}),
        ("LEAD", set(ROLES) - {"OPS", "CASHIER", "FINANCE"}),
        ("DEAL", set(ROLES) - {"OPS", "CASHIER"}),
    ],
)
async def test_whoever_is_mentioned_and_may_read_it_is_told(
    place: Place, entity_type: str, roles: set[str]
) -> None:
    people, bystander = await one_of_each(place), await place.person("OWNER")
    note = NoteAdded(
        id=str(new_id()),
        entity_type=entity_type,
        entity_id=str(new_id()),
        entity_title="Brandt GmbH",
        author_user_id=str(people["OWNER"]),
        mentioned_user_ids=[str(person) for person in people.values()],
    )
    await place.tell(note, note.id, by=people["OWNER"])
    assert await told(place, people) == roles - {"OWNER"}
    assert await place.inbox(bystander) == []
    [notice] = await place.inbox(people["SALES"])
    folder = {"COMPANY": "companies"}.get(entity_type, f"{entity_type.lower()}s")
    assert (notice["type"], notice["title"], notice["link"], notice["entityType"]) == (
        "note.mentioned",
        "You are mentioned on Brandt GmbH",
        f"/sales/{folder}/{note.entity_id}",
        entity_type,
    )


async def test_edit_of_a_note_tells_those_who_are_new_in_it(place: Place) -> None:
    author, before, new = [await place.person("SALES") for _ in range(3)]
    note = NoteUpdated(
        id=str(new_id()),
        version=2,
        entity_type="DEAL",
        entity_id=str(new_id()),
        entity_title="Retrofit",
        author_user_id=str(author),
        mentioned_user_ids=[str(before), str(new)],
        newly_mentioned_user_ids=[str(new)],
    )
    await place.tell(note, note.id, by=author)
    [notice] = await place.inbox(new)
    assert (notice["type"], notice["link"]) == ("note.mentioned", f"/sales/deals/{note.entity_id}")
    assert await place.inbox(before) == []


async def test_each_notification_is_a_fact_without_words(place: Place) -> None:
    ops = await place.person("OPS")
    item = place.item(assigned_to_user_id=ops)
    await place.tell(ItemAssigned(item=item), item.id)
    [notice] = await place.inbox(ops)
    [fact] = await place.stand.facts()
    assert (fact.type, str(fact.aggregate_id), fact.version) == (
        "notifications.notification.created.v1",
        notice["id"],
        1,
    )
    assert fact.message.recipient_user_id == str(ops)
    assert (fact.message.type, fact.message.entity_type, fact.message.entity_id) == (
        "work_item.assigned",
        "WORK_ITEM",
        item.id,
    )


async def test_nobody_is_told_of_their_own_act(place: Place) -> None:
    ops = await place.person("OPS")
    item = place.item(assigned_to_user_id=ops, created_by_user_id=ops)
    await place.tell(ItemAssigned(item=item), item.id, by=ops)
    await place.tell(ItemCompleted(item=item), item.id, by=ops)
    assert await place.inbox(ops) == []
    assert await place.stand.facts() == []


async def test_completed_work_is_told_to_creator_assignee_and_owner_of_its_deal(place: Place) -> None:
    seller, creator, assignee, doer = [await place.person(role) for role in ("SALES", "OPS", "OPS", "OPS")]
    deal = place.deal(owner_user_id=seller)
    await place.tell(DealCreated(deal=deal), deal.id, by=seller)
    item = place.item(
        created_by_user_id=creator, assigned_to_user_id=assignee, deal=Reference(id=deal.id, name=deal.title)
    )
    await place.tell(ItemCompleted(item=item), item.id, by=doer)
    for person in (seller, creator, assignee):
        assert await place.types(person) == ["work_item.completed"]
    assert await place.types(doer) == []


async def test_won_deal_is_told_to_owner_management_and_finance(place: Place) -> None:
    people = await one_of_each(place)
    deal = place.deal(owner_user_id=people["SALES"])
    await place.tell(DealWon(deal=deal), deal.id)
    assert await told(place, people) == {"OWNER", "CEO", "DIRECTOR", "SALES_MANAGER", "FINANCE", "SALES"}
    [notice] = await place.inbox(people["CEO"])
    assert (notice["type"], notice["title"], notice["body"]) == (
        "deal.won",
        "Deal won: Fences for all",
        "Hafen AG · €1,200.00",
    )
    assert notice["link"] == f"/sales/deals/{deal.id}"
    assert notice["actor"] == {"id": None, "name": "Execos", "email": None, "kind": "system"}


async def test_lost_deal_is_told_with_its_reason(place: Place) -> None:
    people = await one_of_each(place)
    deal = place.deal(lost_reason="too dear", owner_user_id=people["SALES"])
    await place.tell(DealLost(deal=deal), deal.id)
    assert await told(place, people) == {"OWNER", "CEO", "DIRECTOR", "SALES_MANAGER", "SALES"}
    assert (await place.inbox(people["CEO"]))[0]["body"] == "Hafen AG · €1,200.00 · too dear"


async def test_won_deal_is_told_with_its_reason(place: Place) -> None:
    people = await one_of_each(place)
    deal = place.deal(won_reason="the shorter delivery", owner_user_id=people["SALES"])
    await place.tell(DealWon(deal=deal), deal.id)
    assert (await place.inbox(people["CEO"]))[0]["body"] == "Hafen AG · €1,200.00 · the shorter delivery"


async def test_sent_invoice_is_told_to_creator_deal_owner_owner_and_finance(place: Place) -> None:
    people = await one_of_each(place)
    deal = place.deal(owner_user_id=people["SALES"])
    await place.tell(DealCreated(deal=deal), deal.id, by=people["SALES"])
    reference = Reference(id=deal.id, name=deal.title)
    await place.invoice_sent(created_by_user_id=people["ADMIN"], deal=reference)
    assert await told(place, people) == {"ADMIN", "SALES", "OWNER", "FINANCE"}
    [notice] = await place.inbox(people["FINANCE"])
    assert (notice["title"], notice["body"]) == (
        "Invoice INV-2026-00001 sent",
        "Hafen AG · €1,190.00 · due Mar 24, 2026",
    )


async def test_somebody_is_told_of_the_invoice_that_finance_wrote_and_sent(place: Place) -> None:
    people = await one_of_each(place)
    await place.invoice_sent(by=people["FINANCE"], created_by_user_id=people["FINANCE"])
    assert await told(place, people) == {"OWNER"}


async def test_invoice_without_buyer_address_says_so(place: Place) -> None:
    finance = await place.person("FINANCE")
    await place.invoice_sent(buyer_email=None)
    assert (await place.inbox(finance))[0]["body"].endswith("not mailed: the buyer has no e-mail address")
    assert await place.deliveries() == []


async def test_paid_invoice_is_told_to_owner_ceo_and_finance(place: Place) -> None:
    people = await one_of_each(place)
    await place.invoice_paid(by=people["FINANCE"])
    assert await told(place, people) == {"OWNER", "CEO"}
    [notice] = await place.inbox(people["CEO"])
    assert (notice["title"], notice["body"]) == ("Invoice INV-2026-00001 paid", "Hafen AG · €1,190.00")


@pytest.mark.parametrize("role", ["FINANCE", "CASHIER", "HARBOUR_MASTER"])
async def test_who_may_not_read_the_entity_is_not_told(place: Place, role: str) -> None:
    person = await place.person(role)
    item = place.item(assigned_to_user_id=person)
    await place.tell(ItemAssigned(item=item), item.id)
    assert await place.stand.facts() == []


@pytest.mark.parametrize("status", ["invited", "suspended", "removed"])
async def test_who_is_no_active_member_is_not_told(place: Place, status: str) -> None:
    person = await place.person("OPS")
    await place.member(person, "OPS", status=status)
    item = place.item(assigned_to_user_id=person)
    await place.tell(ItemAssigned(item=item), item.id)
    assert await place.stand.facts() == []


async def test_assignee_whose_membership_has_not_arrived_yet_is_told(place: Place) -> None:
    person = new_id()
    item = place.item(assigned_to_user_id=person)
    await place.tell(ItemAssigned(item=item), item.id)
    assert await place.types(person) == ["work_item.assigned"]
    async with place.api(person, "deals:read") as api:
        assert (await api.get("/api/v1/notifications/unread-count")).json() == {"count": 0}


async def test_fact_that_comes_twice_is_told_once(place: Place) -> None:
    ops = await place.person("OPS")
    item, event_id = place.item(assigned_to_user_id=ops), new_id()
    for version in (1, 2):
        await place.tell(ItemAssigned(item=item), item.id, event_id=event_id, version=version)
    assert len(await place.inbox(ops)) == 1


async def test_fact_that_the_inbox_has_forgotten_is_still_told_once(place: Place) -> None:
    ops = await place.person("OPS")
    item, event_id = place.item(assigned_to_user_id=ops), new_id()
    await place.tell(ItemAssigned(item=item), item.id, event_id=event_id)
    await place.forget_facts()
    await place.tell(ItemAssigned(item=item), item.id, event_id=event_id)
    assert len(await place.inbox(ops)) == 1
    assert len(await place.stand.facts()) == 1


async def test_parallel_deliveries_of_one_fact_tell_once(place: Place) -> None:
    people = await one_of_each(place)
    invoice, event_id = place.invoice(), new_id()
    await asyncio.gather(
        *(
            place.tell(InvoicePaid(invoice=invoice), invoice.id, event_id=event_id, version=1)
            for _ in range(5)
        )
    )
    assert len(await place.inbox(people["CEO"])) == 1


async def test_another_organisation_is_not_told(place: Place) -> None:
    people = await one_of_each(place)
    deal = place.deal()
    await place.tell(DealWon(deal=deal), deal.id, org_id=new_id())
    assert await told(place, people) == set()


# ------------------------------------------------------------------------------------- who owns what


async def test_new_deal_is_told_to_its_owner_unless_they_made_it(place: Place) -> None:
    maker, owner = await place.person("SALES"), await place.person("SALES")
    for person in (maker, owner):
        deal = place.deal(owner_user_id=person)
        await place.tell(DealCreated(deal=deal), deal.id, by=maker)
    assert (await place.types(maker), await place.types(owner)) == ([], ["deal.assigned"])
    assert (await place.inbox(owner))[0]["title"] == "You own the deal Fences for all"


async def test_only_a_new_owner_is_told_of_a_changed_deal(place: Place) -> None:
    first, second = await place.person("SALES"), await place.person("SALES")
    deal = place.deal(owner_user_id=first)
    await place.tell(DealCreated(deal=deal), deal.id)
    await place.tell(DealUpdated(deal=deal), deal.id)
    deal.owner_user_id = str(second)
    await place.tell(DealUpdated(deal=deal), deal.id)
    await place.tell(DealUpdated(deal=deal), deal.id)
    assert (await place.types(first), await place.types(second)) == (["deal.assigned"], ["deal.assigned"])


async def test_an_older_fact_that_comes_late_tells_no_owner(place: Place) -> None:
    first, second = await place.person("SALES"), await place.person("SALES")
    deal = place.deal(owner_user_id=second)
    await place.tell(DealCreated(deal=deal), deal.id, version=3)
    deal.owner_user_id = str(first)
    await place.tell(DealUpdated(deal=deal), deal.id, version=2)
    deal.owner_user_id = str(second)
    await place.tell(DealUpdated(deal=deal), deal.id, version=4)
    assert (await place.types(first), await place.types(second)) == ([], ["deal.assigned"])


async def test_change_of_a_deal_that_is_not_known_here_tells_no_owner(place: Place) -> None:
    owner = await place.person("SALES")
    deal = place.deal(owner_user_id=owner)
    await place.tell(DealUpdated(deal=deal), deal.id, version=7)
    assert await place.types(owner) == []


async def test_new_owner_of_a_lead_is_told(place: Place) -> None:
    first, second = await place.person("SALES"), await place.person("SALES_MANAGER")
    lead = place.lead(owner_user_id=first)
    await place.tell(LeadCreated(lead=lead), lead.id, by=second)
    lead.owner_user_id = str(second)
    await place.tell(LeadUpdated(lead=lead), lead.id, by=first)
    await place.tell(LeadConverted(lead=lead), lead.id, by=first)
    assert (await place.types(first), await place.types(second)) == (["lead.assigned"], ["lead.assigned"])
    assert (await place.inbox(second))[0]["link"] == f"/sales/leads/{lead.id}"


async def test_lead_without_owner_tells_nobody(place: Place) -> None:
    lead = place.lead()
    await place.tell(LeadCreated(lead=lead), lead.id)
    assert await place.stand.facts() == []


# ------------------------------------------------------------------------------------------- language


@pytest.mark.parametrize(
    ("locale", "title", "body"),
    [
        ("de-DE", "Geschäft gewonnen: Fences for all", "Hafen AG · 1.200,00 €"),
        ("fr", "Affaire gagnée : Fences for all", "Hafen AG · 1 200,00 €"),
        ("pt-BR", "Deal won: Fences for all", "Hafen AG · €1,200.00"),
    ],
)
async def test_the_organisation_is_written_to_in_its_language(
    place: Place, locale: str, title: str, body: str
) -> None:
    await place.organisation(locale)
    ceo = await place.person("CEO")
    deal = place.deal()
    await place.tell(DealWon(deal=deal), deal.id)
    [notice] = await place.inbox(ceo)
    assert (notice["title"], notice["body"]) == (title, body)


async def test_whoever_started_an_import_and_nobody_else_is_told_how_it_ended(place: Place) -> None:
    starter, other = [await place.person("SALES_MANAGER") for _ in range(2)]
    run_id = str(new_id())
    finished = ImportFinished(
        id=run_id, version=4, entity="company", status="applied", file_name="firms.csv", created=7, skipped=1,
        invalid=2, started_by_user_id=str(starter),
    )  # fmt: skip
    await place.tell(finished, run_id, by=starter)
    assert await place.types(starter) == ["import.finished"]
    assert await place.types(other) == []
    [notice] = await place.inbox(starter)
    assert (notice["title"], notice["link"]) == ("Import ended: firms.csv", f"/sales/imports/{run_id}")
    assert notice["body"] == "applied: +7 ~0 =1 !2"
