"""Mails with one-time links: the right one, in the reader's language, once; no secret kept, no dead link sent."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.message import Message
from services.notifications.tests.place import Place, part
from services.notifications.tests.service.test_mail_trouble import Crash, crashing
from sqlalchemy import text

from chassis.ids import new_id
from clients.identity.types import MailLinkKind
from execos.identity.v1.events_pb2 import (
    EmailVerificationRequested,
    MemberInvited,
    PasswordResetRequested,
)
from execos.identity.v1.snapshots_pb2 import MemberSnapshot
from notifications.domain.language import language_of

ADA = "ada@test.example"


def invited(invitation_id: UUID, generation: int = 1) -> MemberInvited:
    member = MemberSnapshot(
        user_id=str(new_id()), version=1, name="Ada", email=ADA, role="SALES", status="invited"
    )
    return MemberInvited(member=member, invitation_id=str(invitation_id), generation=generation)


def asked_for(kind: MailLinkKind, subject: UUID) -> Message:
    """The fact that asks for a mail with a link of that kind."""
    if kind is MailLinkKind.INVITATION:
        return invited(subject)
    if kind is MailLinkKind.PASSWORD_RESET:
        return PasswordResetRequested(user_id=str(new_id()), link_id=str(subject))
    return EmailVerificationRequested(user_id=str(new_id()), link_id=str(subject), kind=kind.value)


async def reset_requested(place: Place, **values: Any) -> UUID:
    """Somebody wants to set a new password; the id of the link."""
    link_id = place.link(MailLinkKind.PASSWORD_RESET, path="/reset/c2VjcmV0", email=ADA, **values)
    await place.tell(asked_for(MailLinkKind.PASSWORD_RESET, link_id), new_id())
    return link_id


# ---------------------------------------------------------------------------------------------- the links


@pytest.mark.parametrize(
    ("kind", "path", "subject"),
    [
        (MailLinkKind.INVITATION, "/invite/c2VjcmV0", "Your invitation to Acme Works"),
        (MailLinkKind.PASSWORD_RESET, "/reset/c2VjcmV0", "Set a new password"),
        (MailLinkKind.EMAIL_VERIFICATION, "/verify/c2VjcmV0", "Confirm your e-mail address"),
        (MailLinkKind.EMAIL_CHANGE, "/verify/c2VjcmV0", "Confirm the change of your e-mail address"),
    ],
)
async def test_person_gets_the_link_in_text_and_html(
    place: Place, kind: MailLinkKind, path: str, subject: str
) -> None:
    generation = int(kind is MailLinkKind.INVITATION)
    link_id = place.link(kind, generation=generation, path=path, email=ADA, name="Ada", role="Sales")
    event_id = await place.tell(asked_for(kind, link_id), new_id())
    await place.work()
    [mail] = place.mails.taken
    assert place.mails.recipients == [ADA]
    assert (mail["From"], mail["To"], mail["Subject"]) == ("Execos <no-reply@execos.test>", ADA, subject)
    assert mail["Reply-To"] == "Execos <help@execos.test>"
    assert mail["Message-ID"].startswith(f"<{event_id}.")
    assert (mail["Auto-Submitted"], mail["List-Unsubscribe"]) == ("auto-generated", None)
    assert "Hello Ada," in part(mail, "plain")
    assert f"\nhttps://execos.test{path}\n" in part(mail, "plain")
    assert part(mail, "html").count(f'href="https://execos.test{path}"') == 2
    assert "The link works once and is valid for 30 minutes" in part(mail, "html")
    assert await place.states() == [("delivered", 1)]


@pytest.mark.parametrize(
    ("locale", "subject", "greeting", "span"),
    [
        ("de-AT", "Neues Passwort festlegen", "Guten Tag Ada,", "30 Minuten"),
        ("fr-FR", "Choisissez un nouveau mot de passe", "Bonjour Ada,", "30 minutes"),
        ("ja", "Set a new password", "Hello Ada,", "30 minutes"),
    ],
)
async def test_mail_is_in_the_readers_language(
    place: Place, locale: str, subject: str, greeting: str, span: str
) -> None:
    await reset_requested(place, locale=locale, name="Ada")
    await place.work()
    [mail] = place.mails.taken
    assert mail["Subject"] == subject
    assert greeting in part(mail, "plain")
    assert span in part(mail, "plain")
    assert f'lang="{mail["Content-Language"]}"' in part(mail, "html")


async def test_link_expires_by_the_clock_of_the_organisation(place: Place) -> None:
    await reset_requested(place)
    await place.work()
    until = language_of("en").moment(place.now + timedelta(minutes=30), "Europe/Berlin")
    assert f"until {until}." in part(place.mails.taken[0], "plain")


async def test_mail_goes_to_people_of_an_organisation_that_is_not_known_here(place: Place) -> None:
    place.stand.org_id = new_id()
    await reset_requested(place)
    await place.work()
    assert "(UTC)" in part(place.mails.taken[0], "plain")


async def test_mail_goes_out_whether_or_not_the_module_is_on(place: Place) -> None:
    await place.organisation(is_on=False)
    await reset_requested(place)
    await place.work()
    assert len(place.mails.taken) == 1


async def test_invitation_of_the_first_release_has_no_link_and_makes_no_mail(place: Place) -> None:
    fact = invited(new_id())
    fact.invitation_id = ""
    await place.tell(fact, fact.member.user_id)
    assert await place.deliveries() == []


async def test_every_mail_of_an_invitation_has_the_link_of_its_generation(place: Place) -> None:
    invitation = place.link(MailLinkKind.INVITATION, generation=2, path="/invite/bmV3", email=ADA)
    for generation in (1, 2):
        await place.tell(invited(invitation, generation), new_id())
    await place.work()
    [mail] = place.mails.taken
    assert "https://execos.test/invite/bmV3" in part(mail, "plain")
    assert sorted(await place.states()) == [("delivered", 1), ("superseded", 0)]


async def test_dead_link_drops_the_mail_without_alarm(place: Place) -> None:
    await reset_requested(place)
    place.identity.known_mail_links.clear()
    await place.work()
    place.advance(days=3)
    assert await place.work() == 0
    assert place.mails.taken == []
    assert await place.states() == [("superseded", 0)]
    assert await place.mail_facts() == []


async def test_link_that_dies_between_two_tries_drops_the_mail(place: Place) -> None:
    place.mails.answers_to_data = ["451 later"]
    await reset_requested(place)
    await place.work()
    place.identity.known_mail_links.clear()
    place.advance(seconds=1)
    await place.work()
    assert await place.states() == [("superseded", 1)]
    assert place.mails.taken == []


async def test_mail_waits_for_identity_which_makes_the_link(place: Place) -> None:
    place.identity.is_away = True
    await reset_requested(place)
    await place.work()
    assert await place.states() == [("retry", 1)]
    place.identity.is_away = False
    place.advance(seconds=1)
    await place.work()
    assert await place.states() == [("delivered", 2)]


async def test_crash_between_send_and_mark_repeats_the_mail_with_the_same_id_and_link(place: Place) -> None:
    crashing(place, 1)
    await reset_requested(place)
    with pytest.raises(Crash):
        await place.work()
    place.advance(minutes=1)
    await place.work()
    first, second = place.mails.taken
    assert (first["Message-ID"], first["Date"]) == (second["Message-ID"], second["Date"])
    assert part(first, "plain") == part(second, "plain")
    assert "/reset/c2VjcmV0" in part(second, "plain")
    assert await place.states() == [("delivered", 1)]


async def test_one_fact_makes_one_mail_whatever_the_inbox_forgets(place: Place) -> None:
    link_id = place.link(MailLinkKind.PASSWORD_RESET, email=ADA)
    fact, event_id = asked_for(MailLinkKind.PASSWORD_RESET, link_id), new_id()
    await asyncio.gather(*(place.tell(fact, link_id, event_id=event_id, version=1) for _ in range(3)))
    await place.forget_facts()
    await place.tell(fact, link_id, event_id=event_id, version=1)
    while await place.work():
        pass
    assert len(place.mails.taken) == 1


async def test_link_and_address_are_kept_nowhere(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.mails.answers_to_data = ["554 refused for https://execos.test/reset/c2VjcmV0"]
    await reset_requested(place)
    await place.work()
    assert await place.states() == [("dead", 1)]
    kept = "SELECT string_agg(t::text, ' ') FROM {} t"
    tables = ("email_message", "delivery", "outbox", "inbox", "activity", "procrastinate.procrastinate_jobs")
    async with place.stand.runtime.system.session(None, read_only=True) as session:
        rows = " ".join([str(await session.scalar(text(kept.format(table)))) for table in tables])
    said = capfd.readouterr()
    assert "account.password_reset" in rows
    for secret in ("c2VjcmV0", ADA):
        assert secret not in rows
        assert secret not in said.out + said.err


async def test_names_cannot_smuggle_in_headers_markup_or_links(place: Place) -> None:
    invitation = place.link(
        MailLinkKind.INVITATION,
        generation=1,
        email=ADA,
        name="<b>Ada</b> https://evil.test",
        organisation='Evil "Co"\r\nBcc: victim@test.example',
        inviter="<script>alert(1)</script>",
        role="Sales",
    )
    await place.tell(invited(invitation), new_id())
    await place.work()
    [mail] = place.mails.taken
    assert mail["Bcc"] is None
    assert "\nBcc" not in part(mail, "plain")
    assert mail["Subject"] == 'Your invitation to Evil "Co" Bcc: victim@test.example'
    assert place.mails.recipients == [ADA]
    assert "<script>" not in part(mail, "html")
    assert "evil.test" not in part(mail, "html") + part(mail, "plain")
