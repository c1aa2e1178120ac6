"""Forgotten passwords: asked for about any address, written down alike, and looked into only by a job."""

import base64
import json
from typing import Any, NamedTuple
from uuid import UUID

from chassis.auth import system_actor
from chassis.context import Work, begin_work
from chassis.ids import new_id
from chassis.jobs import enqueue
from identity.domain.ciphers import Cipher
from identity.domain.mail_links import LinkKind, MailLink
from identity.domain.seats import choose
from identity.published_accounts import password_reset_requested
from identity.reception import Reception
from identity.store import accounts, mail_links
from identity.usecases.acting import act_as
from identity.usecases.mail_links import issue

MAIL_RESET = "mail-password-reset"
"""The job that looks whether anybody has the address."""
PLACE = "job|mail-password-reset||"
"""What the encryption of a request is bound to."""


class Request(NamedTuple):
    """For which address, under which id its link is kept however often the job runs, and where it came from."""

    email: str
    link_id: str
    request_id: str
    ip: str | None
    user_agent: str | None


async def forgot_password(reception: Reception, email: str) -> None:
    """Keep that somebody wants a new password for an address.

    Nobody is looked up: what is written before the answer, and so how long it takes, is the same for every address.
    """
    async with reception.tx() as tx:
        work = tx.work
        request = Request(email, str(new_id()), work.request_id, work.ip, work.user_agent)
        await enqueue(tx, MAIL_RESET, {"sealed": _seal(reception.cipher, request)})


async def mail_reset(reception: Reception, sealed: str) -> None:
    """Mail a link to whoever has the address and may sign in; nobody is sent more than five an hour."""
    request = _open(reception.cipher, sealed)
    begin_work(Work(request.request_id, request.ip, request.user_agent))
    async with reception.tx() as tx:
        candidates = await accounts.list_candidates(tx, request.email)
        org_id = choose(candidates, frozenset(), candidates[0].last_org_id) if candidates else None
        if org_id is None:
            return
        act_as(tx, system_actor(org_id))
        account = await accounts.get(tx.session, candidates[0].user_id)
        if await mail_links.is_there(tx.session, UUID(request.link_id)):
            return
        link = MailLink.of(LinkKind.PASSWORD_RESET, account, org_id, tx.now)
        link.id = UUID(request.link_id)
        if await issue(tx, link):
            tx.note(account, "PASSWORD_RESET_REQUEST", {"email": request.email})
            tx.publish(password_reset_requested(account, link))


def _seal(cipher: Cipher, request: Request) -> str:
    return base64.b64encode(cipher.seal(json.dumps(request).encode(), PLACE)).decode()


def _open(cipher: Cipher, sealed: str) -> Request:
    values: list[Any] = json.loads(cipher.open(base64.b64decode(sealed), PLACE))
    return Request(*values)
