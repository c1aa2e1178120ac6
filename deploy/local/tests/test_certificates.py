"""Secrets and certificates: made once, kept closed, renewed in time."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from local import certificates
from local.keys import Keys

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    first = keys.text("service-secret")
    assert first == Keys(tmp_path).text("service-secret") != keys.text("identity-refresh-key")
    assert len(first) >= 32
    assert {_mode(path) for path in tmp_path.iterdir()} == {0o600}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["identity-refresh-key", "service-secret"]


def test_private_keys_are_closed_and_the_ca_certificate_is_open(tmp_path: Path) -> None:
    assert certificates.ensure(tmp_path, NOW)
    modes = {path.name: _mode(path) for path in tmp_path.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "server.key": 0o600, "server.crt": 0o600}


@pytest.mark.parametrize(
    "name", ["localhost", "execos.localhost", "acme.execos.localhost", "127.0.0.1", "::1"]
)
def test_the_certificate_is_good_for_every_host_of_the_platform(tmp_path: Path, name: str) -> None:
    certificates.ensure(tmp_path, NOW)
    _verify(tmp_path, name)


@pytest.mark.parametrize("name", ["a.b.execos.localhost", "foo.localhost", "execos.example", "127.0.0.2"])
def test_the_certificate_is_good_for_no_other_host(tmp_path: Path, name: str) -> None:
    certificates.ensure(tmp_path, NOW)
    with pytest.raises(VerificationError):
        _verify(tmp_path, name)


def _verify(directory: Path, name: str) -> None:
    try:
        subject: x509.DNSName | x509.IPAddress = x509.IPAddress(ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    policy = PolicyBuilder().store(Store([_load(directory / "ca.pem")])).time(NOW)
    policy.build_server_verifier(subject).verify(_load(directory / "server.crt"), [])


def test_a_good_pair_is_kept(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, NOW)
    before = (tmp_path / "server.crt").read_bytes()
    assert not certificates.ensure(tmp_path, NOW + timedelta(days=certificates.SERVER_DAYS - 31))
    assert (tmp_path / "server.crt").read_bytes() == before


def test_a_pair_near_its_end_is_renewed_and_the_ca_stays(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, NOW)
    ca, old = (tmp_path / "ca.pem").read_bytes(), _load(tmp_path / "server.crt")
    assert certificates.ensure(tmp_path, NOW + timedelta(days=certificates.SERVER_DAYS - 29))
    assert (tmp_path / "ca.pem").read_bytes() == ca
    assert _load(tmp_path / "server.crt").not_valid_after_utc > old.not_valid_after_utc + timedelta(days=300)


@pytest.mark.parametrize("broken", ["server.crt", "server.key"])
def test_half_of_a_pair_is_replaced_as_a_whole(tmp_path: Path, broken: str) -> None:
    certificates.ensure(tmp_path, NOW)
    (tmp_path / broken).write_text("torn")
    assert certificates.ensure(tmp_path, NOW)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
        tmp_path / "server.crt", tmp_path / "server.key"
    )
