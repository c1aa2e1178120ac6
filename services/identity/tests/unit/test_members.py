"""Memberships: every pair of states, and who may touch whom."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import pytest

from chassis.auth import Actor, ActorKind
from chassis.errors import BadRequest, Conflict, Denied
from chassis.states import IllegalTransition
from identity.domain.accounts import Account
from identity.domain.members import MOVES, Membership, MemberState
from identity.domain.own_roles import Rights
from identity.domain.roles import UNLIMITED, Role

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORG = uuid4()


def _actor(role: Role) -> Actor:
    scope = frozenset(Rights(role).scope.split())
    return Actor(ActorKind.USER, uuid4(), ORG, "Olga", role=role.value, scope=scope)


OWNER = _actor(Role.OWNER)


def _member(status: MemberState, *, has_joined: bool = True) -> Membership:
    member = Membership.of(ORG, Account.of("a@b.example", "Some Body", NOW), Role.SALES, NOW)
    member.status = status
    member.joined_at = NOW if has_joined else None
    return member


@pytest.mark.parametrize("status", list(MemberState))
def test_every_move_is_in_the_table(status: MemberState) -> None:
    moves = {
        MemberState.SUSPENDED: lambda member: member.suspend(OWNER, NOW),
        MemberState.REMOVED: lambda member: member.remove(OWNER, NOW),
    }
    if status is not MemberState.INVITED:
        moves[MemberState.ACTIVE] = lambda member: member.restore(OWNER)
    else:
        moves[MemberState.ACTIVE] = lambda member: member.join("Some Body", NOW)
    for wanted, move in moves.items():
        member = _member(status)
        if wanted in MOVES[status]:
            move(member)
            assert member.status == wanted
        else:
            with pytest.raises(IllegalTransition):
                move(member)


def test_who_never_joined_is_restored_as_a_guest() -> None:
    member = _member(MemberState.SUSPENDED, has_joined=False)
    member.restore(OWNER)
    assert member.status == MemberState.INVITED


def _may_assign(actor: Actor, target: Role, wanted: Role) -> bool:
    member = _member(MemberState.ACTIVE)
    member.role = target
    try:
        member.assign(Rights(wanted), actor)
    except Denied:
        assert member.role == target
        return False
    assert member.role == wanted
    return True


def test_only_owner_and_admin_give_or_take_owner_and_admin_and_only_an_owner_makes_another() -> None:
    for actor, target, wanted in product(Role, Role, Role):
        who = _actor(actor)
        allowed = actor in UNLIMITED or UNLIMITED.isdisjoint({target, wanted})
        if wanted != target:
            allowed &= wanted is not Role.OWNER or actor is Role.OWNER
            # Whose office is not to manage people gives nothing that they do not hold.
            allowed &= actor in UNLIMITED | {Role.CEO} or all(map(who.may, Rights(wanted).permissions))
        assert _may_assign(who, target, wanted) is allowed, (actor, target, wanted)


def test_nobody_assigns_their_own_role() -> None:
    member = _member(MemberState.ACTIVE)
    me = replace(_actor(Role.OWNER), id=member.id)
    member.assign(Rights(Role.SALES), me)
    with pytest.raises(Conflict):
        member.assign(Rights(Role.OWNER), me)
    with pytest.raises(BadRequest):
        member.suspend(me, NOW)
