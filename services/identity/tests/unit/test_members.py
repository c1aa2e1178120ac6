"""Memberships: every pair of states, and who may touch whom."""

from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import pytest

from chassis.auth import Actor, ActorKind
from chassis.errors import AppError
from chassis.states import IllegalTransition
from identity.domain.accounts import Account
from identity.domain.members import MOVES, Membership, MemberState
from identity.domain.roles import Role, may_assign

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORG = uuid4()
OWNER = Actor(ActorKind.USER, uuid4(), ORG, "Olga", role="OWNER")


def _member(status: MemberState, *, has_joined: bool = True) -> Membership:
    member = Membership.of(ORG, Account.of("a@b.example", "Some Body", NOW), Role.SALES, NOW)
    member.status = status
    member.joined_at = NOW if has_joined else None
    return member


@pytest.mark.parametrize("status", list(MemberState))
def test_every_move_is_in_the_table(status: MemberState) -> None:
    for move, wanted in (("suspend", MemberState.SUSPENDED), ("restore", MemberState.ACTIVE)):
        member = _member(status)
        if wanted in MOVES[status]:
            getattr(member, move)(OWNER)
            assert member.status == wanted
        else:
            with pytest.raises(IllegalTransition):
                getattr(member, move)(OWNER)


def test_who_never_joined_is_restored_as_a_guest() -> None:
    member = _member(MemberState.SUSPENDED, has_joined=False)
    member.restore(OWNER)
    assert member.status == MemberState.INVITED


def test_only_owner_and_admin_give_or_take_owner_and_admin() -> None:
    high = {"OWNER", "ADMIN"}
    for actor, target, wanted in product(Role, Role, Role):
        assert may_assign(actor, target, wanted) is (actor in high or not high & {target, wanted})


def test_nobody_assigns_their_own_role() -> None:
    member = _member(MemberState.ACTIVE)
    me = Actor(ActorKind.USER, member.id, ORG, "Me", role="OWNER")
    member.assign(Role.SALES, me)
    with pytest.raises(AppError):
        member.assign(Role.OWNER, me)
    with pytest.raises(AppError):
        member.suspend(me)
