"""Second factors without a database: codes, who is required to have one, challenges, budgets."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import pyotp
import pytest

from clients.identity import copies
from identity.domain.login_attempts import FREE_ATTEMPTS, LoginAttempts
from identity.domain.own_roles import OwnRole, Rights, RoleOverride
from identity.domain.permissions import ADMINISTERING
from identity.domain.refresh_tokens import Seals
from identity.domain.roles import Role
from identity.domain.second_factors import (
    NO_STEP,
    Methods,
    Requirement,
    SecondFactor,
    SecondFactorNeeded,
    check_removable,
    code_hash,
    new_codes,
    new_secret,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = new_secret()
SEALS = Seals("s" * 43)


def _factor() -> SecondFactor:
    return SecondFactor(user_id=uuid4(), seed=b"", last_step=NO_STEP, created_at=NOW)


def test_accepted_code_voids_itself_and_older_ones():
    factor, codes = _factor(), [pyotp.TOTP(SECRET).at(NOW, counter_offset=step) for step in (-1, 0, 1)]
    assert [factor.accept(SECRET, each, NOW) for each in (codes[1], codes[1], codes[0], codes[2])] == [
        True,
        False,
        False,
        True,
    ]


def test_administering_is_the_same_here_and_at_the_doors():
    assert ADMINISTERING == copies.ADMINISTERING


def test_owner_admin_and_ceo_administer_and_no_other_system_role():
    assert {role for role in Role if Rights(role).administers} == {Role.OWNER, Role.ADMIN, Role.CEO}


def test_who_got_something_that_administers_is_an_admin_and_who_lost_it_is_none():
    def changed(grants: list[str], denies: list[str]) -> RoleOverride:
        return RoleOverride(grants=grants, denies=denies)

    own = OwnRole(key="OFFICE", permissions=["companies:read", "api-keys:manage"])
    assert Rights("OFFICE", own).administers
    assert Rights("SALES", override=changed(["users:manage"], [])).administers
    assert not Rights("CEO", override=changed([], sorted(ADMINISTERING))).administers


def test_requirement_binds_whom_the_policy_means():
    binding = {
        (policy, role)
        for policy, role in product(("off", "admins", "all"), ("CEO", "SALES", "warehouse"))
        if Requirement(Rights(role), policy).is_binding
    }
    assert binding == {("admins", "CEO"), ("all", "CEO"), ("all", "SALES"), ("all", "warehouse")}


def test_last_factor_alone_is_needed():
    check_removable(1, [Requirement(Rights("SALES"), "all")])
    check_removable(0, [Requirement(Rights("SALES"), "admins")])
    with pytest.raises(SecondFactorNeeded):
        check_removable(0, [Requirement(Rights("SALES"), "off"), Requirement(Rights("SALES"), "all")])


def test_recovery_codes_alone_are_no_method():
    assert Methods(has_totp=False, passkeys=0, recovery_codes=3).names() == []
    assert Methods(has_totp=True, passkeys=2, recovery_codes=0).names() == ["totp", "passkey"]


def test_recovery_codes_are_long_and_read_however_they_are_typed():
    codes, person = new_codes(), uuid4()
    assert {len(each.replace("-", "")) for each in codes} == {16}
    typed = f"  {codes[0].lower().replace('-', ' ')} "
    assert code_hash(person, typed) == code_hash(person, codes[0])
    assert code_hash(uuid4(), codes[0]) != code_hash(person, codes[0])


def test_challenge_says_until_when_to_its_subject_alone():
    subject = uuid4()
    challenge = SEALS.challenge(subject, NOW)
    assert SEALS.read_challenge(challenge, subject) == NOW
    assert SEALS.read_challenge(challenge, uuid4()) is None
    assert Seals("t" * 43).read_challenge(challenge, subject) is None
    assert SEALS.read_challenge(b"\xff" * 96, subject) is None
    assert SEALS.challenge(subject, NOW) != challenge


def test_attempt_given_back_leaves_the_wrong_ones_counted():
    attempts = LoginAttempts(
        bucket=b"", spent=0, open_at=NOW, last_at=NOW, unreported=0, unreported_since=NOW, newest=[]
    )
    for _ in range(FREE_ATTEMPTS):
        assert attempts.spend(NOW)
    assert not attempts.spend(NOW)
    later = NOW + timedelta(seconds=31)
    assert attempts.spend(later)
    attempts.give_back(later)
    assert attempts.spent == FREE_ATTEMPTS
    assert attempts.spend(later)
    assert not attempts.spend(later)
