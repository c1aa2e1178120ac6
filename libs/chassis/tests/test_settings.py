"""Settings: everything wrong is named at once, nothing secret is shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from chassis.settings import Address, ServiceSettings, SettingsRefused, load, names_of, services_of

GOOD = {
    "NOTES_DATABASE_URL": "postgresql://notes_app:hunter2@127.0.0.1:5432/notes",
    "NOTES_SYSTEM_DATABASE_URL": "postgresql://notes_system:hunter2@127.0.0.1:5432/notes",
    "NOTES_NATS_URL": "nats://127.0.0.1:4222",
    "NOTES_HTTP_ADDRESS": "127.0.0.1:8001",
    "NOTES_GRPC_ADDRESS": "127.0.0.1:9001",
    "NOTES_METRICS_ADDRESS": "127.0.0.1:9101",
    "NOTES_JWKS_URL": "http://127.0.0.1:8000/.well-known/jwks.json",
    "NOTES_TOKEN_ISSUER": "https://localhost:8443",
    "NOTES_SERVICE_SECRET": "s" * 32,
    "NOTES_PUBLIC_BASE_URL": "https://localhost:8443",
    "EXECOS_ENV": "development",
    "PATH": "/bin",
}


class NotesSettings(ServiceSettings):
    """Settings with one secret of their own."""

    mail_key: SecretStr = SecretStr("default")


def read(**changes: str | None) -> NotesSettings:
    environ: Mapping[str, Any] = {
        name: value for name, value in (GOOD | changes).items() if value is not None
    }
    return load(NotesSettings, "NOTES_", environ)


def refusal(**changes: str | None) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        read(**changes)
    return str(refused.value).splitlines()


def test_good_environment_is_read() -> None:
    settings = read(
        EXECOS_PROFILE="test", EXECOS_SERVICES="a=http://a", NOTES_OWNER_DATABASE_URL="postgresql://o"
    )
    assert (settings.environment, settings.profile, settings.token_audience) == (
        "development",
        "test",
        "execos",
    )
    assert settings.service_secret.get_secret_value() == "s" * 32
    assert settings.services == "a=http://a"


def test_every_bad_variable_is_named_at_once() -> None:
    lines = refusal(
        NOTES_DATABASE_URL="mysql://x",
        NOTES_HTTP_ADDRESS="8001",
        NOTES_GRPC_ADDRESS="127.0.0.1:99999",
        NOTES_SERVICE_SECRET="short",
        NOTES_NATS_URL=None,
        NOTES_LOG_LEVEL="loud",
        NOTES_TYPO="1",
        NOTES_MAIL_KEY_FILE="/nowhere/key",
        EXECOS_ENV="staging",
    )
    named = [line.partition(":")[0] for line in lines]
    assert named == sorted(
        [
            "EXECOS_ENV",
            "NOTES_DATABASE_URL",
            "NOTES_GRPC_ADDRESS",
            "NOTES_HTTP_ADDRESS",
            "NOTES_LOG_LEVEL",
            "NOTES_MAIL_KEY_FILE",
            "NOTES_NATS_URL",
            "NOTES_SERVICE_SECRET",
            "NOTES_TYPO",
        ]
    )
    assert "NOTES_NATS_URL: missing" in lines
    assert "NOTES_TYPO: unknown variable" in lines


@pytest.mark.parametrize(
    ("variable", "malformed"),
    [
        ("NOTES_DATABASE_URL", "postgresql://"),
        ("NOTES_SYSTEM_DATABASE_URL", "127.0.0.1:5432"),
        ("NOTES_NATS_URL", "127.0.0.1:4222"),
        ("NOTES_NATS_URL", "nats://127.0.0.1:port"),
        ("NOTES_JWKS_URL", "file:///etc/passwd"),
        ("NOTES_TOKEN_ISSUER", ""),
        ("NOTES_TOKEN_AUDIENCE", ""),
        ("NOTES_PUBLIC_BASE_URL", "localhost:8443"),
        ("NOTES_PUBLIC_BASE_URL", "https://local host"),
        ("NOTES_OTLP_ENDPOINT", "collector:4318"),
        ("NOTES_ROOT_DOMAIN", "*.example"),
        ("EXECOS_SERVICES", "sales"),
        ("EXECOS_SERVICES", "sales=http://127.0.0.1:7102,work=7103"),
        ("EXECOS_CORE_SERVICES", "sales"),
        ("EXECOS_JWKS_CACHE_SECONDS", "0"),
        ("EXECOS_JWKS_CACHE_SECONDS", "soon"),
    ],
)
def test_what_is_malformed_is_named(variable: str, malformed: str) -> None:
    [line] = refusal(**{variable: malformed})
    assert line.startswith(f"{variable}: ")


def test_what_may_be_left_empty() -> None:
    settings = read(NOTES_OTLP_ENDPOINT="", NOTES_ROOT_DOMAIN="", EXECOS_SERVICES="", EXECOS_CORE_SERVICES="")
    assert settings.otlp_endpoint is None


def test_lists_are_read() -> None:
    assert services_of("a=http://a:1, b=http://b:2,") == {"a": "http://a:1", "b": "http://b:2"}
    assert names_of("a, b,") == {"a", "b"}


def test_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("f" * 40 + "\n")
    settings = read(NOTES_SERVICE_SECRET=None, NOTES_SERVICE_SECRET_FILE=str(secret))
    assert settings.service_secret.get_secret_value() == "f" * 40


def test_a_variable_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("f" * 40)
    lines = refusal(NOTES_SERVICE_SECRET_FILE=str(tmp_path / "secret"))
    assert lines == ["NOTES_SERVICE_SECRET_FILE: set without _FILE too"]


def test_secrets_are_never_printed() -> None:
    assert "hunter2" not in repr(read())
    assert "ssss" not in repr(read())
    assert "hunter2" not in "\n".join(refusal(NOTES_DATABASE_URL="mysql://notes:hunter2@db/notes"))


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        read().log_level = "debug"  # type: ignore[misc] # that is the point


@pytest.mark.parametrize(
    "address", ["", ":80", "host", "host:", "host:x", "host:65536", "host:-1", "host:\u00b2"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        Address.parse(address)


def test_addresses() -> None:
    assert Address.parse("127.0.0.1:80") == ("127.0.0.1", 80)
    assert Address.parse("[::1]:0") == ("[::1]", 0)
