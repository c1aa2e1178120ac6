"""Denied calls as facts for the audit log: one per actor and permission in five minutes."""

from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from chassis.activity import actor_message
from chassis.auth import Actor
from chassis.tx import Fact, Source, Tx
from execos.platform.v1.activity_pb2 import PermissionDenied

QUIET = timedelta(minutes=5)
MAX_REMEMBERED = 10_000


class Denials:
    """Publishes denials in a small transaction of their own, so that they survive the refused request."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._last: OrderedDict[tuple[UUID | None, UUID, str], datetime] = OrderedDict()

    async def report(self, actor: Actor, permission: str, method: str, route: str) -> None:
        """Publish `permission.denied` unless the same was said within five minutes."""
        now = self._source.clock()
        subject = (actor.id, actor.org_id, permission)
        last = self._last.get(subject)
        if last is not None and now - last < QUIET:
            return
        async with self._source.tx(actor) as tx:
            message = PermissionDenied(role=actor.role, permission=permission, method=method, path=route)
            tx.publish(Fact(denied_by(tx, message), actor.id or actor.org_id, actor.version))
        self._last[subject] = now
        self._last.move_to_end(subject)
        if len(self._last) > MAX_REMEMBERED:
            self._last.popitem(last=False)


def denied_by(tx: Tx, message: PermissionDenied) -> PermissionDenied:
    """Complete the fact with who asked, from where and when."""
    message.actor.CopyFrom(actor_message(tx.actor))
    message.request_id = tx.work.request_id
    message.ip = tx.work.ip or ""
    message.user_agent = tx.work.user_agent or ""
    message.at.FromDatetime(tx.now)
    return message
