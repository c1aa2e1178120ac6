"""HTTP/2 frame by frame: what a client reads that sends its body after its headers, as they all do."""

import socket
import ssl
import struct
from collections.abc import Iterator

import pytest
import trustme

from gateway.testing.running import Gateway

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4
_PAUSE_SECONDS = 0.3


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + struct.pack(">BBL", kind, flags, stream) + payload


def _headers(headers: dict[str, str]) -> bytes:
    """Each as a literal that nobody remembers (RFC 7541, 6.2.2), which needs no table."""
    texts = ((name.encode(), value.encode()) for name, value in headers.items())
    return b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in texts)


def _frames(secure: ssl.SSLSocket) -> Iterator[tuple[int, int, int]]:
    """Kind, flags and stream of each frame, until the gateway falls silent."""
    with secure.makefile("rb") as incoming:
        try:
            while head := incoming.read(9):
                kind, flags, stream = struct.unpack(">BBL", head[3:])
                incoming.read(int.from_bytes(head[:3]))
                yield kind, flags, stream
        except TimeoutError:
            return


@pytest.fixture
def only_http2(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(["h2"])
    return context


@pytest.mark.parametrize("host", ["localhost", "stranger.example"])
@pytest.mark.parametrize("length", [14, 9_999])
def test_a_refusal_waits_for_a_small_body_and_resets_nothing(
    gateway: Gateway, only_http2: ssl.SSLContext, host: str, length: int
) -> None:
    request = {
        ":method": "POST",
        ":scheme": "https",
        ":authority": host,
        ":path": "/api/v1/deals",
        "content-length": str(length),
        "authorization": "Bearer junk",
    }
    with (
        socket.create_connection(("127.0.0.1", gateway.https_port), timeout=_PAUSE_SECONDS) as plain,
        only_http2.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
        secure.sendall(_frame(_HEADERS, _END_HEADERS, 1, _headers(request)))
        early = [frame for frame in _frames(secure) if frame[2] == 1]
        secure.sendall(_frame(_DATA, _END_STREAM, 1, b"x" * length))
        answer = [frame for frame in _frames(secure) if frame[2] == 1]
    assert early == []
    assert [kind for kind, _, _ in answer] == [_HEADERS, _DATA]
    assert answer[-1][1] & _END_STREAM
