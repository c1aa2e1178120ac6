"""Why somebody may do something in an organisation, or may not: the rules in the order in which they decide."""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from identity.domain.members import MemberState
from identity.domain.modules import MODULES
from identity.domain.own_roles import Rights
from identity.domain.permissions import CATALOGUE
from identity.domain.roles import Role

CONTEXTS = {permitted.key: permitted.context for permitted in CATALOGUE}


class RuleKind(StrEnum):
    """What can decide."""

    MEMBERSHIP = "membership"
    MODULE = "module"
    OVERRIDE = "override"
    ROLE = "role"


class Rule(NamedTuple):
    """One rule and what it says."""

    kind: RuleKind
    allows: bool
    detail: str


class Explanation(NamedTuple):
    """The verdict, the rule that decided, and all that were asked."""

    allowed: bool
    decided_by: Rule
    chain: list[Rule]


def explain(permission: str, status: str, rights: Rights, modules: Collection[str]) -> Explanation:
    """Why a member with that status and these rights may do something, where these modules are on."""
    chain = [_membership(status), *_module(permission, modules), _role(permission, rights)]
    chain += _override(permission, rights)
    gates = [rule for rule in chain if rule.kind in {RuleKind.MEMBERSHIP, RuleKind.MODULE}]
    decided = next((rule for rule in gates if not rule.allows), chain[-1])
    return Explanation(decided.allows, decided, chain)


def _membership(status: str) -> Rule:
    return Rule(RuleKind.MEMBERSHIP, status == MemberState.ACTIVE, f"the membership is {status}")


def _module(permission: str, modules: Collection[str]) -> list[Rule]:
    context = CONTEXTS[permission]
    if context not in MODULES:
        return []  # what every organisation has
    is_on = context in modules
    return [Rule(RuleKind.MODULE, is_on, f"the module {context} is {'on' if is_on else 'off'}")]


def _role(permission: str, rights: Rights) -> Rule:
    given = rights.inherent if rights.is_system else rights.permissions
    has = permission in given
    return Rule(RuleKind.ROLE, has, f"the role {rights.key} {'has' if has else 'has not'} {permission}")


def _override(permission: str, rights: Rights) -> list[Rule]:
    if rights.override is None or rights.key == Role.OWNER:
        return []
    if permission in rights.override.denies:
        return [
            Rule(RuleKind.OVERRIDE, False, f"the organisation takes {permission} from the role {rights.key}")
        ]
    if permission in rights.override.grants:
        return [
            Rule(RuleKind.OVERRIDE, True, f"the organisation gives {permission} to the role {rights.key}")
        ]
    return []
