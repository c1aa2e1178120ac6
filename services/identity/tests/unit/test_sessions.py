"""Sessions and refresh tokens: the one rule of rotation, and texts that cannot be forged."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.context import Work
from identity.domain.refresh_tokens import Seals
from identity.domain.sessions import ABSOLUTE_LIFETIME, EndReason, Refreshed, Session

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEALS = Seals("r" * 43)
WEEK = timedelta(days=7)


def _session(counter: int = 3) -> Session:
    session = Session.start(uuid4(), uuid4(), Work("request"), NOW)
    session.counter = counter
    return session


@pytest.mark.parametrize(
    ("counter", "after", "expected"),
    [
        (3, 0, Refreshed.ROTATED),
        (3, 60, Refreshed.ROTATED),
        (2, 10, Refreshed.REPEATED),
        (2, 11, Refreshed.REUSED),
        (1, 0, Refreshed.REUSED),
        (4, 0, Refreshed.REUSED),
    ],
)
def test_only_the_newest_token_rotates(counter: int, after: int, expected: Refreshed) -> None:
    session = _session()
    assert session.refresh(counter, NOW + timedelta(seconds=after)) is expected
    assert session.counter == (4 if expected is Refreshed.ROTATED else 3)


def test_session_is_over_when_idle_old_or_ended() -> None:
    session = _session()
    assert not session.is_over(NOW + WEEK - timedelta(seconds=1), WEEK)
    assert session.is_over(NOW + WEEK, WEEK)
    session.last_used_at = NOW + ABSOLUTE_LIFETIME
    assert session.is_over(NOW + ABSOLUTE_LIFETIME, WEEK)
    session = _session()
    session.end(EndReason.LOGOUT, NOW)
    assert session.is_over(NOW, WEEK)


@given(st.uuids(), st.integers(0, 2**32 - 1))
def test_refresh_token_says_what_was_put_into_it(session_id: object, counter: int) -> None:
    from uuid import UUID  # noqa: PLC0415 - the strategy's type

    assert isinstance(session_id, UUID)
    assert SEALS.read_refresh_token(SEALS.refresh_token(session_id, counter)) == (session_id, counter)


@given(st.text(max_size=300))
def test_no_other_text_is_a_refresh_token(text: str) -> None:
    assert SEALS.read_refresh_token(text) is None


@given(st.integers(0, 69), st.characters(codec="ascii"))
def test_changed_token_is_not_accepted(position: int, character: str) -> None:
    session_id = uuid4()
    token = SEALS.refresh_token(session_id, 7)
    changed = token[:position] + character + token[position + 1 :]
    read = SEALS.read_refresh_token(changed)
    # The last character has two bits that mean nothing.
    assert read is None or read == (session_id, 7)
    assert Seals("x" * 43).read_refresh_token(token) is None


def test_mark_of_a_device_is_bound_to_its_person() -> None:
    person, device = uuid4(), uuid4()
    mark = SEALS.device_mark(person, device)
    assert SEALS.read_device_mark(mark, person) == device
    assert SEALS.read_device_mark(mark, uuid4()) is None
    assert SEALS.read_refresh_token(mark) is None
    assert SEALS.read_device_mark(SEALS.refresh_token(person, 1), person) is None


def test_buckets_do_not_tell_addresses() -> None:
    names = {
        SEALS.bucket(email, device) for email in ("a@b.example", "c@d.example") for device in (None, uuid4())
    }
    assert len(names) == 4
    assert all(b"@" not in name or len(name) == 32 for name in names)
