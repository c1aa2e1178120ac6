"""One Envoy for the whole session, a new client address for each test."""

import itertools
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import trustme

from gateway.testing.identity_rpc import IdentityRpc
from gateway.testing.running import Gateway, running, settings_for
from gateway.testing.tokens import Issuer
from gateway.testing.upstream import Upstream

_CLIENTS = itertools.count(2)


def issue(authority: trustme.CA, folder: Path) -> Path:
    """A certificate as the development CA makes it, written by rename."""
    server = authority.issue_cert("localhost", "127.0.0.1", "execos.localhost", "*.execos.localhost")
    folder.mkdir(exist_ok=True)
    server.private_key_pem.write_to_path(folder / "new.key")
    server.cert_chain_pems[0].write_to_path(folder / "new.crt")
    (folder / "new.key").replace(folder / "server.key")
    (folder / "new.crt").replace(folder / "server.crt")
    return folder


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="session")
def rotate(authority: trustme.CA) -> Callable[[Path], Path]:
    return lambda folder: issue(authority, folder)


@pytest.fixture(scope="session")
def cert_dir(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return issue(authority, tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="session")
def upstream(issuer: Issuer) -> Iterator[Upstream]:
    with Upstream(issuer.jwks) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def identity_rpc(issuer: Issuer) -> Iterator[IdentityRpc]:
    with IdentityRpc(issuer) as identity_rpc:
        yield identity_rpc


@pytest.fixture(scope="session")
def gateway(
    upstream: Upstream, identity_rpc: IdentityRpc, cert_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A tenth of the rates and short time-outs, so that every limit can be reached in a test."""
    settings = settings_for(
        upstream.addresses,
        cert_dir,
        identity_rpc=("127.0.0.1", identity_rpc.port),
        rate_multiplier=0.1,
        header_timeout_seconds=1,
        request_timeout_seconds=1.5,
        upstream_timeout_seconds=1,
        upload_request_timeout_seconds=4,
        upload_timeout_seconds=1,
    )
    directory = tmp_path_factory.mktemp("gateway")
    with running(settings, directory) as gateway:
        yield gateway
    shutil.rmtree(directory)


def new_client(gateway: Gateway, trust: ssl.SSLContext) -> httpx2.Client:
    """A client with an address of its own on the loopback network, so with address budgets of its own."""
    high, low = divmod(next(_CLIENTS), 250)
    transport = httpx2.HTTPTransport(verify=trust, local_address=f"127.1.{high}.{low + 1}")
    return httpx2.Client(transport=transport, base_url=gateway.url, timeout=10)


@pytest.fixture
def client(gateway: Gateway, trust: ssl.SSLContext) -> Iterator[httpx2.Client]:
    with new_client(gateway, trust) as client:
        yield client


@pytest.fixture
def client_of(trust: ssl.SSLContext) -> Callable[[Gateway], httpx2.Client]:
    """Clients of another gateway, or further ones of this."""
    return lambda gateway: new_client(gateway, trust)


@pytest.fixture
def signed_in(client: httpx2.Client, issuer: Issuer) -> httpx2.Client:
    client.headers.update(issuer.bearer())
    return client


@pytest.fixture
def raw(gateway: Gateway, trust: ssl.SSLContext) -> Callable[[bytes], bytes]:
    """Sends bytes as they are over TLS and reads until the gateway closes or falls silent."""

    def exchange(request: bytes) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", gateway.https_port), timeout=4) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            secure.sendall(request)
            answer = b""
            while not _is_whole(answer) and (piece := secure.recv(65536)):
                answer += piece
            return answer

    return exchange


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    return bool(separator and lengths) and len(body) >= int(lengths[0])
