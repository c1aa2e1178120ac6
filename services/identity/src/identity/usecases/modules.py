"""Switching modules and features of an organisation; effective everywhere as soon as the fact arrives."""

from collections.abc import Mapping

from chassis.activity import changes_of
from chassis.auth import Actor
from chassis.errors import NotFound
from chassis.tx import Tx
from identity.domain.modules import FEATURES, MODULES, Switches
from identity.domain.organisations import Organisation
from identity.published import module_disabled, module_enabled, organisation_updated
from identity.store import organisations


async def switch_module(tx: Tx, actor: Actor, code: str, *, is_enabled: bool | None) -> Organisation:
    """The organisation with a module on or off, or (None) as its templates have it; NotFound for an unknown code."""
    if code not in MODULES:
        raise NotFound("There is no such module.")
    rows = await organisations.get(tx.session, actor.org_id, lock=True)
    organisation = rows.organisation
    tx.expect(organisation)
    was_on = code in organisation.modules
    switches = organisation.switches
    organisation.switches = switches._replace(modules=_with(switches.modules, code, is_enabled))
    is_on = code in organisation.modules
    if _is_changed(organisation):
        tx.record(organisation, "MODULE_ENABLE" if is_on else "MODULE_DISABLE")
        if is_on == was_on:
            tx.publish(organisation_updated(rows))
        else:
            tx.publish(module_enabled(rows, code) if is_on else module_disabled(rows, code))
    return organisation


async def switch_feature(tx: Tx, actor: Actor, code: str, *, is_enabled: bool | None) -> Organisation:
    """The organisation with a feature on or off, or (None) on as by default; NotFound for an unknown code."""
    if code not in FEATURES:
        raise NotFound("There is no such feature.")
    rows = await organisations.get(tx.session, actor.org_id, lock=True)
    organisation = rows.organisation
    tx.expect(organisation)
    switches: Switches = organisation.switches
    organisation.switches = switches._replace(features=_with(switches.features, code, is_enabled))
    if _is_changed(organisation):
        tx.record(organisation, "FEATURE_ENABLE" if code in organisation.features else "FEATURE_DISABLE")
        tx.publish(organisation_updated(rows))
    return organisation


def _is_changed(organisation: Organisation) -> bool:
    return bool(changes_of(organisation)[1])


def _with(own: Mapping[str, bool], code: str, is_enabled: bool | None) -> dict[str, bool]:  # noqa: FBT001 - a value
    others = {name: is_on for name, is_on in own.items() if name != code}
    return others if is_enabled is None else others | {code: is_enabled}
