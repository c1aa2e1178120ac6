"""The development CA, kept for ten years, and the gateway's certificate, renewed 30 days before its end."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_DOMAIN = "execos.localhost"
NAMES = ("localhost", ROOT_DOMAIN, f"*.{ROOT_DOMAIN}")
ADDRESSES = ("127.0.0.1", "::1")
CA_YEARS = 10
SERVER_DAYS = 397  # more is refused by browsers
RENEW_DAYS = 30

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Authority:
    """A certificate authority: its certificate and its key."""

    certificate: x509.Certificate
    key: Key


def ensure(directory: Path, now: datetime | None = None) -> bool:
    """`ca.pem`, `ca.key`, `server.crt` and `server.key` in `directory`; whether the server's pair is a new one.

    A running Envoy sees the renamed files within a second.
    """
    now = now or datetime.now(UTC)
    authority = _kept_authority(directory, now) or _new_authority(directory, now)
    if _is_good(directory, authority, now):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _server_certificate(authority, key, now)
    _write(directory / "server.key", _key_pem(key))
    _write(directory / "server.crt", certificate.public_bytes(serialization.Encoding.PEM))
    return True


def _kept_authority(directory: Path, now: datetime) -> Authority | None:
    try:
        certificate = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    if certificate.not_valid_after_utc < now + timedelta(days=SERVER_DAYS):
        return None
    return Authority(certificate, key)


def _new_authority(directory: Path, now: datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Execos development CA {now:%Y-%m-%d}")])
    networks = [x509.IPAddress(ip_network(address)) for address in ADDRESSES]
    certificate = (
        _builder(name, name, key.public_key(), now)
        .not_valid_after(now + timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        # Whoever trusts this CA trusts it for this machine only, should its key ever leak.
        .add_extension(x509.NameConstraints([x509.DNSName("localhost"), *networks], None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(directory / "ca.key", _key_pem(key))
    _write(directory / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return Authority(certificate, key)


def _is_good(directory: Path, authority: Authority, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate((directory / "server.crt").read_bytes())
        key = serialization.load_pem_private_key((directory / "server.key").read_bytes(), None)
        certificate.verify_directly_issued_by(authority.certificate)
    except Exception:  # noqa: BLE001 - missing, unreadable or another CA's: a new one is made all the same
        return False
    is_pair = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    covers = set(NAMES) <= set(names.get_values_for_type(x509.DNSName))
    return is_pair and covers and certificate.not_valid_after_utc > now + timedelta(days=RENEW_DAYS)


def _server_certificate(authority: Authority, key: Key, now: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
    names += [x509.IPAddress(ip_address(address)) for address in ADDRESSES]
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return (
        _builder(subject, authority.certificate.subject, key.public_key(), now)
        .not_valid_after(now + timedelta(days=SERVER_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks of containers and hosts differ
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: Key) -> bytes:
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.chmod(mode)  # the umask may have taken bits away
    draft.replace(path)
