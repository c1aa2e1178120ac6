"""Mails that anybody asks for about any address: written down alike, and looked into only by a job."""

import base64
import json
from typing import NamedTuple
from uuid import UUID

from chassis.auth import system_actor
from chassis.context import Work, begin_work
from chassis.ids import new_id
from chassis.jobs import enqueue
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.ciphers import Cipher
from identity.domain.mail_links import LinkKind, MailLink
from identity.domain.seats import choose
from identity.published_accounts import password_reset_requested
from identity.reception import Reception
from identity.store import accounts, mail_links
from identity.usecases.acting import act_as
from identity.usecases.addresses import request_verification
from identity.usecases.mail_links import issue

ANSWER = "answer-mail-request"
"""The job that looks whether anybody has the address."""
PLACE = f"job|{ANSWER}||"
"""What the encryption of a request is bound to."""


class Request(NamedTuple):
    """For what and which address, under which id its link is kept however often the job runs, where it came from."""

    kind: str
    email: str
    link_id: str
    request_id: str
    ip: str | None
    user_agent: str | None


async def ask_for_mail(reception: Reception, kind: LinkKind, email: str) -> None:
    """Keep that somebody wants a link of a kind mailed to an address.

    Nobody is looked up: what is written before the answer, and so how long it takes, is the same for every address.
    """
    async with reception.tx() as tx:
        work = tx.work
        request = Request(kind.value, email, str(new_id()), work.request_id, work.ip, work.user_agent)
        await enqueue(tx, ANSWER, {"sealed": _seal(reception.cipher, request)})


async def answer_request(reception: Reception, sealed: str) -> None:
    """Mail the link to whoever has the address and may sign in; nobody is sent more than five of a kind an hour."""
    request = _open(reception.cipher, sealed)
    begin_work(Work(request.request_id, request.ip, request.user_agent))
    async with reception.tx() as tx:
        candidates = await accounts.list_candidates(tx, request.email)
        org_id = choose(candidates, frozenset(), candidates[0].last_org_id) if candidates else None
        if org_id is None:
            return
        act_as(tx, system_actor(org_id))
        account = await accounts.get(tx.session, candidates[0].user_id)
        link = MailLink.of(LinkKind(request.kind), account, org_id, tx.now)
        link.id = UUID(request.link_id)
        if not await mail_links.is_there(tx.session, link.id):
            await _mail(tx, account, link)


async def _mail(tx: Tx, account: Account, link: MailLink) -> None:
    if link.kind == LinkKind.PASSWORD_RESET:
        if await issue(tx, link):
            tx.note(account, "PASSWORD_RESET_REQUEST", {"email": account.email})
            tx.publish(password_reset_requested(account, link))
    elif account.email_verified_at is None:
        await request_verification(tx, account, link)


def _seal(cipher: Cipher, request: Request) -> str:
    return base64.b64encode(cipher.seal(json.dumps(request).encode(), PLACE)).decode()


def _open(cipher: Cipher, sealed: str) -> Request:
    return Request(*json.loads(cipher.open(base64.b64decode(sealed), PLACE)))
