"""Roles of the organisation's own, and changed system roles: who holds one is told what they may read."""

from services.notifications.tests.place import Place
from services.notifications.tests.service.test_telling import one_of_each, told

from execos.sales.v1.events_pb2 import DealWon
from execos.work.v1.events_pb2 import ItemAssigned


async def assign(place: Place, person: object) -> None:
    """Somebody gets work to do."""
    item = place.item(assigned_to_user_id=person)
    await place.tell(ItemAssigned(item=item), item.id)


async def win(place: Place) -> None:
    """A deal is won."""
    deal = place.deal()
    await place.tell(DealWon(deal=deal), deal.id)


async def test_holder_of_an_own_role_is_told_of_what_it_may_read(place: Place) -> None:
    await place.role("RIGGER", "work-items:read")
    await place.role("CATERER", "companies:read")
    rigger, caterer, unknown = [await place.person(role) for role in ("RIGGER", "CATERER", "GHOST")]
    for person in (rigger, caterer, unknown):
        await assign(place, person)
    assert await place.types(rigger) == ["work_item.assigned"]
    assert await place.types(caterer) == await place.types(unknown) == []


async def test_changed_own_role_is_asked_as_it_is_now(place: Place) -> None:
    await place.role("RIGGER", "work-items:read")
    rigger = await place.person("RIGGER")
    await place.role("RIGGER", "companies:read")
    await assign(place, rigger)
    assert await place.types(rigger) == []
    await place.role("RIGGER", "companies:read", "work-items:read")
    await assign(place, rigger)
    assert await place.types(rigger) == ["work_item.assigned"]


async def test_changed_system_role_is_asked_as_it_is_now(place: Place) -> None:
    people = await one_of_each(place)
    await place.role("FINANCE", "invoices:read", "invoices:write")  # may not see deals any more
    await place.role("OPS", "deals:read", "dashboard:read")  # a system role does not get other duties
    await win(place)
    assert await told(place, people) == {"OWNER", "CEO", "DIRECTOR", "SALES_MANAGER"}
    await place.role("SALES")
    await assign(place, people["SALES"])
    assert await place.types(people["SALES"]) == []


async def test_own_role_with_a_duty_is_told_like_the_system_roles_that_have_it(place: Place) -> None:
    await place.role("BOOKKEEPER", "invoices:read", "invoices:write", "invoices:pay", "deals:read")
    await place.role("PARTNER", "dashboard:read", "deals:read")
    await place.role("BLIND_PARTNER", "dashboard:read")
    keeper, partner, blind = [await place.person(role) for role in ("BOOKKEEPER", "PARTNER", "BLIND_PARTNER")]
    await win(place)
    await place.invoice_paid()
    assert await place.types(keeper) == ["deal.won", "invoice.paid"]
    assert await place.types(partner) == ["deal.won"]
    assert await place.types(blind) == []


async def test_deleted_role_reads_nothing_whatever_arrives_later(place: Place) -> None:
    await place.role("RIGGER", "work-items:read")
    rigger = await place.person("RIGGER")
    await place.role("RIGGER", "work-items:read", is_deleted=True)
    place.versions.clear()
    await place.role("RIGGER", "work-items:read")
    await assign(place, rigger)
    assert await place.types(rigger) == []
