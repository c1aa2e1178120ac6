"""How often the same thing may be done: counted in memory, bounded, and lost with the process."""

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable

from chassis.errors import Limited

MAX_KNOWN = 10_000


def network_of(address: str | None) -> str:
    """Whom an address belongs to: itself, or its /64, of which an IPv6 client has every one (as the gateway counts)."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    mapped = getattr(known, "ipv4_mapped", None)
    if mapped or known.version == 4:
        return str(mapped or known)
    return str(ipaddress.ip_network((known, 64), strict=False))


class Throttle:
    """At most `limit` times in each `seconds` for each key; the least recent keys are forgotten first."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._known: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def check(self, key: Hashable, now: float) -> None:
        """Count once more; Limited when that is too often. `now` is in seconds, of any clock that only goes on."""
        since, count = self._known.get(key, (now, 0))
        if now - since >= self.seconds:
            since, count = now, 0
        if count >= self.limit:
            refusal = Limited("Too many of these; try again later.")
            refusal.retry_after_seconds = max(1, round(since + self.seconds - now))
            raise refusal
        self._known[key] = (since, count + 1)
        self._known.move_to_end(key)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
