"""The door for mails that are due: asks for what they need, hands them over, notes what became of it.

Nothing is sent inside a transaction. The mail is noted as `sending` just before the mail server gets it, so that
after a crash it is known whether it may have arrived.
"""

from email.message import EmailMessage
from uuid import UUID

import structlog

from chassis.auth import system_actor
from chassis.errors import AppError, Kind
from chassis.runtime import Runtime
from notifications.composing import Superseded, compose
from notifications.domain.deliveries import Failure, schedule_of
from notifications.jobs import DELIVER_MAIL, JOBS
from notifications.mail.messages import Postmark, Unwritable, write
from notifications.settings import NotificationsSettings
from notifications.smtp import Mailer, failure_of
from notifications.store import mails
from notifications.usecases.mails import begin_try, drop_mail, hand_over, note_arrival, note_failure

__all__ = ["JOBS", "deliver_mail"]

log = structlog.get_logger()


@JOBS.task(DELIVER_MAIL)
async def deliver_mail(runtime: Runtime, org_id: UUID, mail_id: str, attempt: int) -> None:
    """The try of that number to deliver a mail; does nothing when it has ended already."""
    settings = runtime.part(NotificationsSettings)
    mail, actor = UUID(mail_id), system_actor(org_id)
    async with runtime.source.tx(actor) as tx:
        is_due = await begin_try(tx, mail, attempt, sender_domain=settings.mail_domain)
    if not is_due:
        return
    try:
        message = await _write(runtime, org_id, mail)
    except Superseded:
        log.info("mail.superseded", mail_id=mail_id)
        async with runtime.source.tx(actor) as tx:
            await drop_mail(tx, mail)
        return
    if isinstance(message, EmailMessage):
        async with runtime.source.tx(actor) as tx:
            is_ours = await hand_over(tx, mail)
        if not is_ours:
            return
    failure = message if isinstance(message, Failure) else await _send(runtime, message)
    async with runtime.source.tx(actor) as tx:
        if failure is None:
            await note_arrival(tx, mail)
        else:
            log.warning("mail.failed", mail_id=mail_id, attempt=attempt, reason=failure.reason)
            await note_failure(tx, mail, failure, schedule_of(settings.profile))


async def _write(runtime: Runtime, org_id: UUID, mail_id: UUID) -> EmailMessage | Failure:
    try:
        async with runtime.source.reading(system_actor(org_id)) as reading:
            mail = await mails.show(reading, org_id, mail_id)
        settings = runtime.part(NotificationsSettings)
        postmark = Postmark(mail.message_id, mail.created_at, settings.mail_from, settings.public_base_url)
        return write(await compose(runtime, org_id, mail), postmark)
    except Superseded:
        raise
    except Unwritable as error:
        return Failure(str(error), is_permanent=True)
    except AppError as error:
        return Failure(f"{error.reason}: {error.message}", is_permanent=error.kind is not Kind.UNAVAILABLE)
    except Exception as error:
        log.exception("mail.unwritten", mail_id=str(mail_id))
        return Failure(f"the mail could not be written ({type(error).__name__})")


async def _send(runtime: Runtime, message: EmailMessage) -> Failure | None:
    try:
        await runtime.part(Mailer).send(message)
    except Exception as error:  # noqa: BLE001 - a mail server fails in many ways, and each is an outcome
        return failure_of(error)
    return None
