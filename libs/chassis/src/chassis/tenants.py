"""An organisation's own rules at every door: whether it is open, what is switched on, from where, how well signed in.

Kept in memory, one small record per organisation: loaded from the service's own copy, replaced by newer facts.
"""

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from chassis.auth import Actor, ActorKind
from chassis.context import Work, begin_work, current_work, new_request_id
from chassis.errors import Denied

log = structlog.get_logger()

MAX_KNOWN = 10_000
LOADED_AGAIN_AFTER_SECONDS = 60.0
"""Facts keep the records fresh; a lost one must not stay unnoticed for ever."""


class OrganisationInactive(Denied):
    """The organisation does not let anybody in at present."""

    reason = "ORGANISATION_INACTIVE"


class ModuleDisabled(Denied):
    """The organisation has not switched this part of the product on."""

    reason = "MODULE_DISABLED"


class FeatureDisabled(Denied):
    """The organisation has switched this off."""

    reason = "FEATURE_DISABLED"


class AddressNotAllowed(Denied):
    """The organisation lets nobody in from this address."""

    reason = "IP_NOT_ALLOWED"


class SecondFactorRequired(Denied):
    """The organisation requires a second factor, and this session has none."""

    reason = "SECOND_FACTOR_REQUIRED"


@dataclass(frozen=True, slots=True)
class Rules:
    """What one organisation demands; `networks` of None means from anywhere.

    Whoever may do one of `strong_permissions` needs a second factor; None means everybody.
    """

    version: int = 0
    is_open: bool = True
    modules: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    networks: tuple[str, ...] | None = None
    strong_permissions: frozenset[str] | None = frozenset()

    def check_open(self) -> None:
        """Raise OrganisationInactive unless people may work there."""
        if not self.is_open:
            raise OrganisationInactive("This organisation is not active.")

    def check_address(self, ip: str | None) -> None:
        """Raise AddressNotAllowed unless somebody at that address is let in."""
        if self.networks is not None and not is_within(ip, self.networks):
            raise AddressNotAllowed("This organisation does not allow access from your address.")

    def check_strength(self, actor: Actor) -> None:
        """Raise SecondFactorRequired when what the actor may do needs a second factor and the session has none."""
        is_demanded = self.strong_permissions is None or any(map(actor.may, self.strong_permissions))
        if is_demanded and actor.kind is ActorKind.USER and not actor.is_strong:
            raise SecondFactorRequired(
                "This organisation requires a second factor: enrol one, then refresh the access token."
            )

    def check_module(self, code: str | None) -> None:
        """Raise ModuleDisabled unless the module is on; None is always on."""
        if code is not None and code not in self.modules:
            raise ModuleDisabled(f"The module {code} is switched off for this organisation.", module=code)

    def check_feature(self, code: str | None) -> None:
        """Raise FeatureDisabled unless the feature is on; None is always on."""
        if code is not None and code not in self.features:
            raise FeatureDisabled(f"The feature {code} is switched off for this organisation.", feature=code)


Load = Callable[[UUID], Awaitable[Rules]]
"""The rules of an organisation as this service has them; raises when it does not know the organisation."""


class Tenants:
    """The rules of the organisations that this process has met, and the module its own doors belong to."""

    def __init__(self, load: Load, module: str | None = None) -> None:
        self.module = module
        self._load = load
        self._known: OrderedDict[UUID, tuple[Rules, float]] = OrderedDict()
        self._loading: dict[UUID, asyncio.Task[Rules]] = {}

    async def rules(self, org_id: UUID) -> Rules:
        """What the organisation demands now."""
        found = self._known.get(org_id)
        if found is not None and time.monotonic() - found[1] < LOADED_AGAIN_AFTER_SECONDS:
            return found[0]
        try:
            return self.learn(org_id, await self._load_once(org_id))
        except Exception as error:
            if found is None:
                raise
            log.warning("tenants.kept_old_rules", org_id=str(org_id), error=repr(error))
            return found[0]

    def learn(self, org_id: UUID, rules: Rules) -> Rules:
        """Take the newer of these rules and the known ones, and return it."""
        known = self._known.get(org_id)
        if known is None or known[0].version <= rules.version:
            self._known[org_id] = (rules, time.monotonic())
            self._known.move_to_end(org_id)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
            return rules
        return known[0]

    def is_outdated(self, org_id: UUID, version: int) -> bool:
        """Whether what was read of the organisation at that version is known to be no longer so."""
        known = self._known.get(org_id)
        return known is not None and version < known[0].version

    async def _load_once(self, org_id: UUID) -> Rules:
        """Load for everybody who waits; whoever goes away meanwhile does not take it from the others."""
        task = self._loading.get(org_id)
        if task is None:
            task = self._loading[org_id] = asyncio.create_task(self._load_apart(org_id))
            task.add_done_callback(lambda _done: self._loading.pop(org_id, None))
        return await asyncio.shield(task)

    async def _load_apart(self, org_id: UUID) -> Rules:
        # Statements of its own: what an answer reports is what it costs itself, time after time.
        origin = current_work()
        begin_work(replace(origin, statements=0) if origin else Work(new_request_id()))
        return await self._load(org_id)

    async def check(self, actor: Actor, ip: str | None, *, needs_second_factor: bool = True) -> Rules:
        """The rules, after everything they say about whoever comes in; Denied in one of its forms otherwise."""
        rules = await self.rules(actor.org_id)
        rules.check_open()
        rules.check_address(ip)
        if needs_second_factor:
            rules.check_strength(actor)
        rules.check_module(self.module)
        return rules


def is_within(ip: str | None, networks: Sequence[str]) -> bool:
    """Whether an address lies in one of the networks; an unknown one lies in none, IPv4 within IPv6 counts as IPv4."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ipaddress.ip_network(each) for each in networks)
