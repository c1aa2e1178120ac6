"""Settings: one frozen class per service, read from the environment, refused all at once when wrong."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SHARED = ("EXECOS_ENV", "EXECOS_PROFILE", "EXECOS_SERVICES", "EXECOS_CORE_SERVICES")

MAX_PORT = 65535
OWNER_DATABASE_URL = "owner_database_url"

SettingsT = TypeVar("SettingsT", bound="ServiceSettings")


class SettingsRefused(Exception):
    """The environment is wrong; the message names every bad variable, one per line."""


class Address(NamedTuple):
    """A host and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """From `host:port`; ValueError when it is not."""
        host, separator, port = text.rpartition(":")
        if not separator or not host or not (port.isascii() and port.isdigit()) or int(port) > MAX_PORT:
            raise ValueError("must be host:port")
        return cls(host, int(port))


@contextmanager
def naming(address: str) -> Iterator[None]:
    """Say which address it is that cannot be listened on."""
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot listen on {address}: {error.strerror}") from error


class ServiceSettings(BaseSettings):
    """What every service needs; a service adds its own fields under its own prefix."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    database_url: SecretStr
    system_database_url: SecretStr
    nats_url: str
    http_address: str
    grpc_address: str
    metrics_address: str
    jwks_url: str
    token_issuer: str
    token_audience: str = "execos"
    service_secret: SecretStr = Field(min_length=32)
    public_base_url: str
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str | None = None
    root_domain: str = Field("", description="tenant hosts are <slug>.<this>; empty = there are none")
    services: str = Field("", validation_alias="EXECOS_SERVICES", description="name=http://host:port, …")
    core_services: str = Field("", validation_alias="EXECOS_CORE_SERVICES", description="names, by comma")
    environment: Literal["development", "production"] = Field("production", validation_alias="EXECOS_ENV")
    profile: Literal["default", "test"] = Field("default", validation_alias="EXECOS_PROFILE")

    @field_validator("http_address", "grpc_address", "metrics_address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        Address.parse(value)
        return value

    @field_validator("database_url", "system_database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith("postgresql://"):
            raise ValueError("must be a postgresql:// URL")
        return value


def load(cls: type[SettingsT], prefix: str, environ: Mapping[str, str] | None = None) -> SettingsT:
    """The validated settings of the service whose variables start with `prefix`; SettingsRefused otherwise."""
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    values = _own_variables(cls, prefix, environ, problems)
    try:
        settings = cls.model_validate(values)
    except ValidationError as refused:
        problems += [_explain(prefix, error) for error in refused.errors()]
        settings = None
    if problems or settings is None:
        raise SettingsRefused("\n".join(sorted(problems)))
    return settings


def _own_variables(
    cls: type[ServiceSettings], prefix: str, environ: Mapping[str, str], problems: list[str]
) -> dict[str, Any]:
    values: dict[str, Any] = {name: environ[name] for name in SHARED if name in environ}
    for variable, value in environ.items():
        if not variable.startswith(prefix):
            continue
        name = variable.removeprefix(prefix).lower()
        known = name.removesuffix("_file")
        if name in cls.model_fields:
            values[name] = value
        elif known in cls.model_fields:
            try:
                values[known] = _content(variable, value)
            except SettingsRefused as refused:
                problems.append(str(refused))
        elif known != OWNER_DATABASE_URL:
            problems.append(f"{variable}: unknown variable")
    return values


def owner_url(prefix: str) -> str:
    """The URL that only `migrate` uses; SettingsRefused when it is missing."""
    variable = prefix + OWNER_DATABASE_URL.upper()
    path = os.environ.get(f"{variable}_FILE")
    url = _content(f"{variable}_FILE", path) if path else os.environ.get(variable)
    if not url:
        raise SettingsRefused(f"{variable}: missing")
    return url


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsRefused(f"{variable}: cannot read the file ({error.strerror})") from None


def _explain(prefix: str, error: Any) -> str:
    name = str(error["loc"][0])
    variable = name if name.startswith("EXECOS_") else prefix + name.upper()
    return f"{variable}: {'missing' if error['type'] == 'missing' else error['msg']}"
