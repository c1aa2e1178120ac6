"""Ports: one offset for all, a taken one is said in a line."""

import socket

import pytest

from local.ports import CONTEXTS, HOST, Ports, PortTaken, _free_offset, check_free


def test_every_port_is_different_and_moved_by_the_offset() -> None:
    plain, moved = dict(Ports().all()), dict(Ports.with_offset(2000).all())
    assert len(set(plain.values())) == len(plain) == 8 + 3 * len(CONTEXTS)
    assert {need: port + 2000 for need, port in plain.items()} == moved


def test_copies_whole_thousands_apart_share_no_port() -> None:
    last_digits = [port % 1000 for _, port in Ports().all()]
    assert len(set(last_digits)) == len(last_digits)


@pytest.mark.parametrize("offset", [-7000, 60_000])
def test_an_offset_that_leaves_the_allowed_range_is_refused(offset: int) -> None:
    with pytest.raises(ValueError, match="outside 1024"):
        Ports.with_offset(offset)


def test_a_taken_port_is_named_with_what_needs_it_and_the_remedy() -> None:
    ports = Ports.with_offset(_free_offset(Ports.with_offset(10_000)))
    with socket.socket() as other:
        other.bind((HOST, ports.http("billing")))
        other.listen()
        with pytest.raises(PortTaken) as refused:
            check_free(ports)
    message = str(refused.value)
    assert f"port {ports.http('billing')} (billing http) is taken" in message
    assert "EXECOS_PORT_OFFSET" in message
    assert "\n" not in message
