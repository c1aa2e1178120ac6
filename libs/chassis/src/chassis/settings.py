"""Settings: one frozen class per service, read from the environment, refused all at once when wrong."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SHARED = (
    "EXECOS_ENV",
    "EXECOS_PROFILE",
    "EXECOS_SERVICES",
    "EXECOS_CORE_SERVICES",
    "EXECOS_JWKS_CACHE_SECONDS",
)

MAX_PORT = 65535
OWNER_DATABASE_URL = "owner_database_url"
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")

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


def _is_address(value: str) -> str:
    Address.parse(value)
    return value


def url_with(*schemes: str) -> Callable[[str], str]:
    """A validator of URLs with one of these schemes, a host, and nothing that breaks a line or a header."""

    def check(value: str) -> str:
        url = urlsplit(value)
        is_whole = url.scheme in schemes and url.hostname and url.port != 0  # `port` raises where it is none
        if not is_whole or not value.isprintable() or " " in value:
            raise ValueError(f"must be {' or '.join(f'{scheme}://' for scheme in schemes)} with a host")
        return value

    return check


_is_http = url_with("http", "https")
_is_database = url_with("postgresql")
HostPort = Annotated[str, AfterValidator(_is_address)]
HttpUrl = Annotated[str, AfterValidator(_is_http)]
NatsUrl = Annotated[str, AfterValidator(url_with("nats", "tls"))]


class ServiceSettings(BaseSettings):
    """What every service needs; a service adds its own fields under its own prefix."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    database_url: SecretStr
    system_database_url: SecretStr
    nats_url: NatsUrl
    http_address: HostPort
    grpc_address: HostPort
    metrics_address: HostPort
    jwks_url: HttpUrl
    token_issuer: HttpUrl
    token_audience: str = Field("execos", min_length=1)
    service_secret: SecretStr = Field(min_length=32)
    public_base_url: HttpUrl
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str | None = None
    root_domain: str = Field("", description="tenant hosts are <slug>.<this>; empty = there are none")
    services: str = Field("", validation_alias="EXECOS_SERVICES", description="name=http://host:port, …")
    core_services: str = Field("", validation_alias="EXECOS_CORE_SERVICES", description="names, by comma")
    environment: Literal["development", "production"] = Field("production", validation_alias="EXECOS_ENV")
    profile: Literal["default", "test"] = Field("default", validation_alias="EXECOS_PROFILE")
    jwks_cache_seconds: int = Field(
        300,
        ge=1,
        le=3600,
        validation_alias="EXECOS_JWKS_CACHE_SECONDS",
        description="how long verifiers keep identity's public keys; the gateway as long",
    )

    @field_validator("database_url", "system_database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        _is_database(value.get_secret_value())
        return value

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_collector(cls, value: str | None) -> str | None:
        return _is_http(value) if value else None

    @field_validator("root_domain")
    @classmethod
    def _is_domain(cls, value: str) -> str:
        if value and not _DOMAIN.fullmatch(value):
            raise ValueError("must be a domain name in lower case")
        return value

    @field_validator("services")
    @classmethod
    def _are_urls(cls, value: str) -> str:
        for url in services_of(value).values():
            _is_http(url)
        return value

    @field_validator("core_services")
    @classmethod
    def _are_services(cls, value: str, others: ValidationInfo) -> str:
        known = services_of(others.data.get("services", ""))
        strangers = names_of(value) - known.keys()
        if strangers and "services" in others.data:  # else EXECOS_SERVICES is the one that is wrong
            raise ValueError(f"not in EXECOS_SERVICES: {', '.join(sorted(strangers))}")
        return value


def services_of(text: str) -> dict[str, str]:
    """Name and URL of each service of `name=http://host:port, …`."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip(): url.strip() for name, _, url in pairs}


def names_of(text: str) -> frozenset[str]:
    """The names of a list by comma."""
    return frozenset(name.strip() for name in text.split(",") if name.strip())


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
        elif known in cls.model_fields and prefix + known.upper() in environ:
            problems.append(f"{variable}: set without _FILE too")
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
    name, *path = map(str, error["loc"])
    variable = name if name.startswith("EXECOS_") else prefix + name.upper()
    where = f" ({'.'.join(path)})" if path else ""
    what = "missing" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
    return f"{variable}{where}: {what}"
