"""The address book: every host that organisations have of their own, kept in memory."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from identity.domain.domains import UnknownHost
from identity.domain.organisations import check_reachable
from identity.reception import Reception
from identity.store.domains import Place, list_places

log = structlog.get_logger()

READ_AGAIN_AFTER = timedelta(seconds=5)


class AddressBook:
    """Which organisation a host leads to; read as a whole at most once in five seconds."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._places: Mapping[str, Place] = {}
        self._read_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def slug_at(self, host: str) -> str:
        """The slug of the organisation at a host.

        Raises UnknownHost, OrganisationInactive, or Unavailable where the organisation could not be furnished.
        """
        place = (await self._known()).get(host.lower().partition(":")[0].rstrip("."))
        if place is None:
            raise UnknownHost("No such host.")
        check_reachable(place.status)
        return place.slug

    async def _known(self) -> Mapping[str, Place]:
        async with self._lock:
            now = self._reception.source.clock()
            if self._read_at is None or not timedelta() <= now - self._read_at < READ_AGAIN_AFTER:
                await self._read(now)
            return self._places

    async def _read(self, now: datetime) -> None:
        try:
            async with self._reception.source.database.session(None, read_only=True) as session:
                self._places = {place.host: place for place in await list_places(session)}
            self._read_at = now
        except Exception as error:
            if self._read_at is None:
                raise
            log.warning(
                "address_book.kept", error=repr(error)
            )  # what was true a moment ago is better than nothing
