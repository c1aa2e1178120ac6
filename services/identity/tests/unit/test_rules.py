"""Rules without I/O: delays, slugs, roles, passwords, seats."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.domain.ciphers import Cipher, Unreadable
from identity.domain.login_attempts import FREE_ATTEMPTS, LoginAttempts, delay_after, neighbourhood
from identity.domain.organisations import RESERVED, SLUG, SlugTaken, free_slug, slug_of
from identity.domain.own_roles import Rights
from identity.domain.permissions import CATALOGUE, Permission
from identity.domain.policies import network
from identity.domain.roles import LETTERS, Role, permissions_of
from identity.passwords import LANES, MEMORY_KIB, PASSES, THREADS, TURNS, Passwords, TooManyWaiting

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _bucket() -> LoginAttempts:
    return LoginAttempts(
        bucket=b"", spent=0, open_at=NOW, last_at=NOW, unreported=0, unreported_since=NOW, newest=[]
    )


def test_five_attempts_are_free_and_then_the_wait_grows_to_a_quarter_of_an_hour() -> None:
    delays = [delay_after(spent).total_seconds() for spent in range(14)]
    assert delays == [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900]


@pytest.mark.parametrize(
    ("ip", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_whoever_has_a_whole_network_is_one_client(ip: str, client: str) -> None:
    assert neighbourhood(ip) == client


def test_five_failures_in_ten_minutes_are_a_spike_that_is_told_once() -> None:
    attempts = _bucket()
    for minute in (0, 9, 9.5, 11, 11.5, 11.6):
        attempts.spend(NOW + timedelta(minutes=minute))
    assert attempts.notice_spike(NOW + timedelta(minutes=12))
    assert not attempts.notice_spike(NOW + timedelta(minutes=13))
    assert not attempts.notice_spike(NOW + timedelta(minutes=30))


def test_four_failures_and_a_success_are_no_spike() -> None:
    attempts = _bucket()
    for minute in range(5):
        attempts.spend(NOW + timedelta(minutes=minute))
    attempts.forgive(NOW + timedelta(minutes=4))
    assert not attempts.notice_spike(NOW + timedelta(minutes=4))


def test_budget_is_spent_closed_and_forgiven() -> None:
    bucket = _bucket()
    assert [bucket.spend(NOW) for _ in range(7)] == [True] * 5 + [False] * 2
    assert bucket.spend(NOW + timedelta(seconds=30)) is True
    bucket.forgive(NOW)
    assert [bucket.spend(NOW) for _ in range(6)] == [True] * 5 + [False]


def test_who_read_the_clock_before_another_attempt_is_not_locked_out_by_it() -> None:
    bucket = _bucket()
    for second in (3, 2, 1):  # they waited for the row, the last to come first
        assert bucket.spend(NOW + timedelta(seconds=second)) is True
    bucket.forgive(NOW + timedelta(seconds=9))
    assert bucket.spend(NOW + timedelta(seconds=4)) is True


def test_budget_is_full_again_after_a_day() -> None:
    bucket = _bucket()
    for hours in range(40):
        bucket.spend(NOW + timedelta(hours=hours))
    later = bucket.last_at + timedelta(days=1)
    assert [bucket.spend(later) for _ in range(5)] == [True] * 5


@given(st.text(max_size=120))
def test_any_name_gives_a_slug_that_can_be_a_host(name: str) -> None:
    assert SLUG.fullmatch(free_slug(slug_of(name), frozenset()))


def test_slug_gets_the_first_free_number_and_at_last_none() -> None:
    assert free_slug("works", {"works", "works-2", "works-4"}) == "works-3"
    assert free_slug("api", frozenset()) == "api-2"
    longest = "x" * 63
    assert free_slug(longest, {longest}) == "x" * 61 + "-2"
    with pytest.raises(SlugTaken):
        free_slug("works", {"works", *(f"works-{number}" for number in range(2, 1000))})
    assert all(free_slug(slug, frozenset()) != slug for slug in RESERVED)


def test_every_permission_of_our_doors_is_in_the_catalogue_once() -> None:
    keys = [permitted.key for permitted in CATALOGUE]
    assert len(set(keys)) == len(keys)
    assert {permission.value for permission in Permission} == {
        permitted.key for permitted in CATALOGUE if permitted.context == "identity"
    }
    assert all(set(permitted.holders.split()) <= LETTERS.keys() for permitted in CATALOGUE)


def scope_of(role: Role) -> str:
    return Rights(role).scope


def test_roles_hold_what_the_first_release_says() -> None:
    assert scope_of(Role.OWNER) == "* ownership:manage"
    assert scope_of(Role.ADMIN) == "*"
    assert set(permissions_of(Role.OWNER)) - set(permissions_of(Role.ADMIN)) == {"ownership:manage"}
    assert len(permissions_of(Role.OWNER)) == len(CATALOGUE)
    assert scope_of(Role.CASHIER) == ""
    assert scope_of(Role.OPS).split() == [
        "directory:read", "hygiene:read", "organisations:create", "timeline:read",
        "work-items:complete", "work-items:read", "work-items:reopen", "work-items:write",
    ]  # fmt: skip
    assert "invoices:send" in scope_of(Role.FINANCE)
    assert "jobs:run" not in scope_of(Role.CEO)
    assert "users:manage" not in scope_of(Role.DIRECTOR)


def test_director_defines_what_a_sales_manager_does_but_neither_merges_nor_moves_rows_in_bulk() -> None:
    below, above = set(permissions_of(Role.SALES_MANAGER)), set(permissions_of(Role.DIRECTOR))
    of_sales = {permitted.key for permitted in CATALOGUE if permitted.context == "sales"}
    assert {key.split(":")[1] for key in (below - above) & of_sales} == {"merge", "import", "export", "batch"}


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::1/128", "::1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ("::/0", "::/0"),
    ],
)
def test_networks_have_one_spelling(text: str, normal: str) -> None:
    assert network(text) == normal


@pytest.mark.parametrize("text", ["fe80::1%eth0", "10.0.0.0/33", "localhost", "10.0.0.1/8/8"])
def test_what_means_nothing_elsewhere_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        network(text)


@given(st.binary(max_size=200), st.text(max_size=40))
def test_cipher_opens_only_what_it_sealed_for_that_place(plain: bytes, place: str) -> None:
    cipher = Cipher(b"a" * 32)
    sealed = cipher.seal(plain, place)
    assert cipher.open(sealed, place) == plain
    assert Cipher(b"b" * 32, previous=b"a" * 32).open(sealed, place) == plain
    for other, where in ((Cipher(b"b" * 32), place), (cipher, place + "x")):
        with pytest.raises(Unreadable):
            other.open(sealed, where)
    with pytest.raises(Unreadable):
        cipher.open(sealed[:-1], place)


async def test_passwords_cost_what_the_design_says() -> None:
    assert (MEMORY_KIB, PASSES, LANES) == (65536, 2, 1)
    passwords = Passwords()
    async with passwords.turn():
        stored = await passwords.hash("right horse battery staple")
        assert stored.startswith("$argon2id$v=19$m=65536,t=2,p=1$")
        assert len(passwords._nobodys) == len(stored)
        assert (await passwords.verify("right horse battery staple", stored)) == (True, None)
        assert (await passwords.verify("wrong", stored)).is_right is False
        assert (await passwords.verify("right horse battery staple", None)).is_right is False
    passwords.close()


async def test_cheaper_hash_is_replaced_at_the_next_sign_in() -> None:
    cheap, passwords = Passwords(memory_kib=64), Passwords(memory_kib=128)
    stored = await cheap.hash("a password")
    verdict = await passwords.verify("a password", stored)
    assert verdict.is_right
    assert verdict.upgraded is not None
    assert "m=128" in verdict.upgraded
    assert (await passwords.verify("wrong", stored)).upgraded is None
    for each in (cheap, passwords):
        each.close()


def test_turns_keep_the_threads_busy_and_do_not_lock_out_who_is_right() -> None:
    assert THREADS < TURNS < FREE_ATTEMPTS


async def test_queue_for_passwords_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identity.passwords.MAX_WAITING", 0)
    passwords = Passwords()
    with pytest.raises(TooManyWaiting):
        async with passwords.turn():
            pass
    monkeypatch.setattr("identity.passwords.MAX_WAITING", 1)
    monkeypatch.setattr("identity.passwords.MAX_WAIT_SECONDS", 0.01)
    async with AsyncExitStack() as stack:
        for _ in range(TURNS):
            await stack.enter_async_context(passwords.turn())
        with pytest.raises(TooManyWaiting):
            async with passwords.turn():
                pass
    async with passwords.turn():
        pass
    passwords.close()


def test_ids_of_people_do_not_tell_when_they_were_made() -> None:
    from identity.domain.accounts import Account  # noqa: PLC0415 - only here

    assert Account.of("a@b.example", "Some Body", NOW).id.version == uuid4().version
