"""Mail that does not get through at once: refused for now or for good, peers away, processes that die in the middle."""

import asyncio
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from services.notifications.tests.place import Place

from chassis.errors import NotFound
from notifications.domain.deliveries import NORMAL, SECONDS, State
from notifications.sending import deliver_mail
from notifications.smtp import Mailer


@pytest.mark.parametrize("answer", ["451 greylisted, write to <abuse@mail.test>", "452 full"])
async def test_mail_that_the_server_refuses_for_now_is_tried_again(place: Place, answer: str) -> None:
    place.mails.answers_to_data = [answer, answer]
    await place.invoice_sent()
    await place.work()
    [delivery] = await place.deliveries()
    assert (delivery.state, delivery.attempts, delivery.next_at) == ("retry", 1, place.now + SECONDS[0])
    assert "@" not in str(delivery.error)
    assert await place.mail_facts() == []
    assert await place.work() == 0
    place.advance(seconds=1)
    await place.work()
    place.advance(seconds=2)
    await place.work()
    assert await place.states() == [("delivered", 3)]
    assert len(place.mails.taken) == 1


@pytest.mark.parametrize("stage", ["answers_to_rcpt", "answers_to_data"])
async def test_mail_that_the_server_refuses_for_good_is_given_up(place: Place, stage: str) -> None:
    setattr(place.mails, stage, ["550 no such user buyer@hafen.test"])
    await place.invoice_sent()
    await place.work()
    assert await place.states() == [("dead", 1)]
    [fact] = await place.mail_facts()
    assert (fact.type, fact.message.error) == (
        "notifications.email.failed.v1",
        "550 no such user [address]",
    )
    place.advance(days=3)
    assert await place.work() == 0


async def test_mail_waits_for_billing_which_renders_it(place: Place) -> None:
    place.billing.is_away = True
    await place.invoice_sent()
    await place.work()
    assert await place.states() == [("retry", 1)]
    place.billing.is_away = False
    place.advance(seconds=1)
    await place.work()
    assert await place.states() == [("delivered", 2)]


async def test_mail_of_an_invoice_that_is_gone_is_given_up(place: Place) -> None:
    await place.invoice_sent()
    place.billing.known_invoices.clear()
    await place.work()
    assert await place.states() == [("dead", 1)]


async def test_mail_server_that_is_away_is_tried_until_the_schedule_ends(place: Place) -> None:
    mailer = Mailer(SecretStr("smtp://127.0.0.1:1"), sender="no-reply@execos.test")
    place.stand.runtime.parts[Mailer] = mailer
    await place.invoice_sent()
    waits: list[timedelta] = []
    while await place.work():
        [delivery] = await place.deliveries()
        if delivery.next_at is not None:
            waits.append(delivery.next_at - place.now)
            place.stand.clock.now = delivery.next_at
    assert waits == list(SECONDS)
    assert await place.states() == [("dead", len(SECONDS) + 1)]
    [fact] = await place.mail_facts()
    assert (fact.type, fact.message.email.attempts) == ("notifications.email.failed.v1", len(SECONDS) + 1)
    assert fact.message.error == "the mail server does not answer (SMTPConnectError)"


async def test_outside_the_test_profile_tries_spread_over_two_days() -> None:
    assert timedelta(days=1.5) < sum(NORMAL, timedelta()) < timedelta(days=3)
    assert list(NORMAL) == sorted(NORMAL)


# --------------------------------------------------------------------------------------------- crashes


class Crash(BaseException):
    """The process is gone at this very point."""


class CrashingMailer(Mailer):
    """Hands the mail over, and then the process dies, as often as it is told to."""

    crashes: int = 1

    async def send(self, message: EmailMessage) -> None:
        await super().send(message)
        if self.crashes:
            self.crashes -= 1
            raise Crash


def crashing(place: Place, times: int) -> None:
    """Let the process die that often between the mail server's answer and the note of it."""
    mailer = CrashingMailer(SecretStr(f"smtp://127.0.0.1:{place.mails.port}"), sender="no-reply@execos.test")
    mailer.crashes = times
    place.stand.runtime.parts[Mailer] = mailer


async def test_crash_between_send_and_mark_repeats_the_mail_once_under_the_same_id(place: Place) -> None:
    crashing(place, 1)
    await place.invoice_sent()
    with pytest.raises(Crash):
        await place.work()
    assert await place.states() == [("sending", 0)]
    await place.work()
    assert await place.states() == [("delivered", 1)]
    first, second = place.mails.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]
    assert [fact.type for fact in await place.mail_facts()] == ["notifications.email.sent.v1"]


async def test_second_crash_never_repeats_it_again(place: Place) -> None:
    crashing(place, 9)
    await place.invoice_sent()
    for _ in range(2):
        with pytest.raises(Crash):
            await place.work()
    assert await place.work() == 1
    assert len(place.mails.taken) == 2
    assert await place.states() == [("dead", 1)]
    [fact] = await place.mail_facts()
    assert fact.message.error == "interrupted while the mail server had it"


async def test_crash_before_the_mail_server_had_it_repeats_nothing(place: Place, monkeypatch: Any) -> None:
    async def dying(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(place.billing, "invoice_pdf", dying)
        await place.invoice_sent()
        for _ in range(3):
            with pytest.raises(Crash):
                await place.work()
    assert await place.states() == [("queued", 0)]
    await place.work()
    assert len(place.mails.taken) == 1
    assert await place.states() == [("delivered", 1)]


async def test_try_that_is_called_again_after_its_end_does_nothing(place: Place) -> None:
    await place.invoice_sent()
    [call] = await place.deferred()
    await place.work()
    await deliver_mail(place.stand.runtime, place.stand.org_id, call.args["mail_id"], 1)
    assert len(place.mails.taken) == 1


async def test_call_of_a_failed_try_that_comes_again_waits_for_the_next_one(place: Place) -> None:
    place.mails.answers_to_data = ["451 later"]
    await place.invoice_sent()
    [call] = await place.deferred()
    await place.work()
    await deliver_mail(place.stand.runtime, place.stand.org_id, call.args["mail_id"], 1)
    assert place.mails.taken == []
    assert await place.states() == [("retry", 1)]


async def test_two_workers_at_one_try_send_one_mail(place: Place) -> None:
    await place.invoice_sent()
    [call] = await place.deferred()
    mail_id = call.args["mail_id"]
    await asyncio.gather(
        *(deliver_mail(place.stand.runtime, place.stand.org_id, mail_id, 1) for _ in range(4))
    )
    assert len(place.mails.taken) <= 2
    assert (await place.states())[0][0] in {State.DELIVERED, State.SENDING}


async def test_no_transaction_is_open_while_the_mail_server_is_talked_to(place: Place) -> None:
    """Nobody waits for a row or a connection while a slow mail server makes us wait."""
    open_transactions: list[int] = []

    class Watching(Mailer):
        async def send(self, message: EmailMessage) -> None:
            pool: Any = place.stand.runtime.source.database.engine.pool
            open_transactions.append(pool.checkedout())
            await super().send(message)

    url = SecretStr(f"smtp://127.0.0.1:{place.mails.port}")
    place.stand.runtime.parts[Mailer] = Watching(url, sender="no-reply@execos.test")
    await place.invoice_sent()
    await place.work()
    assert open_transactions == [0]


async def test_mail_of_another_organisation_is_not_found(place: Place) -> None:
    await place.invoice_sent()
    [call] = await place.deferred()
    with pytest.raises(NotFound):
        await deliver_mail(place.stand.runtime, UUID(int=7), call.args["mail_id"], 1)
