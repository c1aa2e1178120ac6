"""TLS, the redirecting port, and certificates that change under a running gateway."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from trustme import CA

from gateway.testing.running import Gateway, running, settings_for, wait_until
from gateway.testing.upstream import Upstream, free_port


def agreed(gateway: Gateway, context: ssl.SSLContext, host: str = "localhost") -> tuple[str, str, str]:
    """Protocol version, application protocol and the certificate's serial number of a handshake."""
    with (
        socket.create_connection(("127.0.0.1", gateway.https_port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        certificate = secure.getpeercert() or {}
        return secure.version() or "", secure.selected_alpn_protocol() or "", str(certificate["serialNumber"])


@pytest.fixture
def context(authority: CA) -> ssl.SSLContext:
    """A client's own context, free to be changed."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_current_versions_of_tls_are_spoken(
    gateway: Gateway, context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    context.minimum_version = context.maximum_version = version
    assert agreed(gateway, context)[0] == version.name.replace("_", ".")


def test_tls_1_1_is_refused(gateway: Gateway, context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="TLSV1_ALERT_PROTOCOL_VERSION"):
        agreed(gateway, context)


@pytest.mark.parametrize(
    "cipher", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-GCM-SHA256"]
)
def test_ciphers_without_aead_or_forward_secrecy_are_refused(
    gateway: Gateway, context: ssl.SSLContext, cipher: str
) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        agreed(gateway, context)


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")])
def test_http_2_is_chosen_where_the_client_offers_it(
    gateway: Gateway, context: ssl.SSLContext, offered: list[str], chosen: str
) -> None:
    context.set_alpn_protocols(offered)
    assert agreed(gateway, context)[1] == chosen


@pytest.mark.parametrize("host", ["localhost", "acme.execos.localhost", "api.execos.localhost"])
def test_certificate_is_valid_for_every_host_of_development(
    gateway: Gateway, context: ssl.SSLContext, host: str
) -> None:
    assert agreed(gateway, context, host)[0] == "TLSv1.3"


def test_certificate_replaced_by_rename_is_served_without_a_restart(
    gateway: Gateway, context: ssl.SSLContext, cert_dir: Path, rotate: Callable[[Path], Path]
) -> None:
    before = agreed(gateway, context)[2]
    rotate(cert_dir)
    wait_until(lambda: agreed(gateway, context)[2] != before, "the new certificate is served")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_plain_http_sends_readers_to_https(gateway: Gateway, method: str) -> None:
    port = gateway.settings.http_port
    answer = httpx2.request(
        method, f"http://localhost:{port}/api/v1/deals?q=a%20b&page=2", follow_redirects=False
    )
    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://localhost:{gateway.https_port}/api/v1/deals?q=a%20b&page=2"


def test_redirect_names_the_published_port_behind_a_load_balancer(
    upstream: Upstream, cert_dir: Path, tmp_path: Path
) -> None:
    settings = settings_for(upstream.addresses, cert_dir, public_https_port=443)
    with running(settings, tmp_path, with_keys=False):
        answer = httpx2.get(f"http://localhost:{settings.http_port}/x", follow_redirects=False)
    assert answer.headers["location"] in {"https://localhost/x", "https://localhost:443/x"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_plain_http_refuses_what_would_carry_secrets(gateway: Gateway, method: str) -> None:
    answer = httpx2.request(method, f"http://localhost:{gateway.settings.http_port}/api/v1/auth/login")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "HTTPS_REQUIRED"
    assert "strict-transport-security" not in answer.headers


def test_plain_http_knows_no_foreign_host(gateway: Gateway) -> None:
    answer = httpx2.get(f"http://localhost:{gateway.settings.http_port}/", headers={"host": "evil.example"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "UNKNOWN_HOST"


@pytest.mark.parametrize("shared", ["https_port", "http_port"])
def test_two_gateways_cannot_share_a_port(gateway: Gateway, tmp_path: Path, shared: str) -> None:
    own = {name: free_port() for name in ("https_port", "http_port", "admin_port") if name != shared}
    settings = gateway.settings.model_copy(update=own)
    with pytest.raises(RuntimeError, match="Address already in use"), running(settings, tmp_path):
        pass
