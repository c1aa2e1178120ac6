"""New people are welcomed and announced; whoever's account is in danger is warned."""

from typing import Any
from uuid import UUID

import pytest
from services.notifications.tests.place import Place, part
from services.notifications.tests.service.test_telling import one_of_each, told

from chassis.ids import new_id
from execos.identity.v1.events_pb2 import MemberJoined, SecurityEventRaised, UserRegistered
from execos.identity.v1.snapshots_pb2 import MemberSnapshot, UserSnapshot

ADA = "ada@test.example"


async def alarmed(place: Place, kind: str = "PASSWORD_CHANGED", **options: Any) -> UUID:
    """A security event about a member; who it is."""
    user_id: UUID = options.pop("user_id", None) or new_id()
    former_email: str | None = options.pop("former_email", None)
    place.identity.add_organisation(place.stand.org_id, **options.pop("organisation", {}))
    place.identity.add_member(place.stand.org_id, user_id, email=ADA, name="Ada")
    event = SecurityEventRaised(
        id=str(new_id()), type=kind, severity="HIGH", user_id=str(user_id),
        ip="203.0.113.7", user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    )  # fmt: skip
    event.at.FromDatetime(place.now)
    if former_email is not None:
        event.former_email = former_email
    await place.tell(event, event.id, **options)
    return user_id


async def test_new_person_is_welcomed(place: Place) -> None:
    member = place.identity.add_member(place.stand.org_id, email=ADA, name="Ada")
    place.identity.add_organisation(place.stand.org_id, locale="de")
    user = UserSnapshot(id=str(member.id), version=1, name="Ada", email=ADA, is_active=True)
    await place.tell(UserRegistered(user=user), member.id)
    await place.work()
    [mail] = place.mails.taken
    assert (mail["To"], mail["Subject"]) == (ADA, "Willkommen bei Execos")
    assert "https://execos.test" in part(mail, "plain")
    [fact] = await place.mail_facts()
    email = fact.message.email
    assert (email.type, email.entity_type, email.entity_id) == ("account.welcome", "USER", str(member.id))
    assert email.recipient_user_id == str(member.id)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("REFRESH_REUSE", "A session of yours was ended"),
        ("PASSWORD_CHANGED", "Your password was changed"),
        ("SOMETHING_NEW", "Something happened in your account"),
    ],
)
async def test_person_is_warned_of_what_happened_when_and_from_where(
    place: Place, kind: str, subject: str
) -> None:
    await alarmed(place, kind, organisation={"time_zone": "America/New_York"})
    await place.work()
    [mail] = place.mails.taken
    assert (mail["To"], mail["Subject"]) == (ADA, subject)
    for words in ("(America/New_York)", "Firefox (Linux)", "203.0.113.7", "If this was you"):
        assert words in part(mail, "plain")
        assert words in part(mail, "html")
    assert "\nhttps://execos.test/account/security\n" in part(mail, "plain")


async def test_former_mailbox_is_warned_of_a_changed_address(place: Place) -> None:
    await alarmed(place, "EMAIL_CHANGED", former_email="ada@before.example")
    await place.work()
    [mail] = place.mails.taken
    assert (mail["To"], mail["Subject"]) == ("ada@before.example", "Your e-mail address was changed")
    assert "Ada" in part(mail, "plain")


async def test_address_of_somebody_else_who_did_it_is_not_shown(place: Place) -> None:
    await alarmed(place, "ADMIN_ROLE_GRANTED", by=new_id())
    await place.work()
    assert "203.0.113.7" not in part(place.mails.taken[0], "plain")


async def test_own_act_shows_its_address(place: Place) -> None:
    user_id = new_id()
    await alarmed(place, user_id=user_id, by=user_id)
    await place.work()
    assert "203.0.113.7" in part(place.mails.taken[0], "plain")


async def test_event_that_concerns_nobody_warns_nobody(place: Place) -> None:
    event = SecurityEventRaised(id=str(new_id()), type="SOMETHING_NEW", severity="LOW")
    event.at.FromDatetime(place.now)
    await place.tell(event, event.id)
    assert await place.deliveries() == []


async def test_who_is_no_active_member_is_warned_at_the_address_known_here(place: Place) -> None:
    user_id = await place.person(status="suspended")
    event = SecurityEventRaised(id=str(new_id()), type="EMAIL_CHANGED", user_id=str(user_id))
    event.at.FromDatetime(place.now)
    await place.tell(event, event.id)
    await place.work()
    assert place.mails.recipients == [f"{user_id.hex[-8:]}@test.example"]
    assert "(Europe/Berlin)" in part(place.mails.taken[0], "plain")


async def test_warning_for_somebody_unknown_is_given_up_and_told(place: Place) -> None:
    event = SecurityEventRaised(id=str(new_id()), type="EMAIL_CHANGED", user_id=str(new_id()))
    event.at.FromDatetime(place.now)
    await place.tell(event, event.id)
    await place.work()
    assert await place.states() == [("dead", 1)]
    assert [fact.type for fact in await place.mail_facts()] == ["notifications.email.failed.v1"]


async def join(place: Place, inviter: UUID | None, role: str = "SALES", **options: Any) -> UUID:
    """Somebody joins, invited by somebody or not; who it is."""
    user_id = new_id()
    member = MemberSnapshot(
        user_id=str(user_id),
        version=2,
        name="Nora New",
        email="nora@test.example",
        role=role,
        status="active",
    )
    fact = MemberJoined(member=member, invited_by_user_id=str(inviter) if inviter else None)
    await place.tell(fact, user_id, version=2, **options)
    return user_id


async def test_inviter_and_administrators_are_told_who_joined(place: Place) -> None:
    people = await one_of_each(place)
    joined = await join(place, people["CEO"])
    assert await told(place, people) == {"OWNER", "ADMIN", "CEO"}
    [notice] = await place.inbox(people["CEO"])
    assert (notice["type"], notice["title"]) == ("member.joined", "Nora New has joined")
    assert (notice["entityType"], notice["entityId"]) == ("USER", str(joined))
    assert (notice["actor"]["name"], notice["body"]) == ("Nora New", "nora@test.example")


async def test_who_joins_is_not_told_of_it(place: Place) -> None:
    joined = await join(place, await place.person("OWNER"), role="ADMIN")
    assert await place.inbox(joined) == []


async def test_who_was_not_invited_is_not_announced(place: Place) -> None:
    people = await one_of_each(place)
    await join(place, None)
    assert await told(place, people) == set()
