"""Counting how often the same thing is done."""

import pytest

from chassis.errors import Limited
from sales.domain import throttle
from sales.domain.throttle import Throttle, network_of


def test_so_many_times_and_then_only_after_the_time_is_over() -> None:
    counted = Throttle(2, 60.0)
    counted.check("a", 0.0)
    counted.check("a", 59.0)
    with pytest.raises(Limited) as refused:
        counted.check("a", 59.5)
    assert refused.value.retry_after_seconds == 1
    counted.check("b", 59.5)
    counted.check("a", 60.0)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_KNOWN", 3)
    counted = Throttle(1, 60.0)
    for key in range(100):
        counted.check(key, 0.0)
    assert len(counted._known) == 3
    with pytest.raises(Limited):
        counted.check(99, 1.0)


def test_a_client_of_ipv6_has_a_whole_network() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") == "2001:db8::/64"
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
    assert network_of("203.0.113.7") == network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of(None) == network_of("client") == "unknown"
