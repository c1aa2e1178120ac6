"""What differs between the places the gateway runs in, validated before anything is rendered."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.routes import CONTEXTS

_ENVIRONMENTS: Final = Path(__file__).parent / "environments"
_COMMITTED_DOCUMENT: Final = Path(__file__).parents[2]

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$", max_length=253)
]
DomainName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
]
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Seconds = Annotated[float, Field(gt=0)]


class GatewaySettings(BaseModel):
    """One environment. Paths in `cert_dir` and `mounted_at` are as Envoy sees them; the others as this process does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    https_port: Port
    http_port: Port
    admin_port: Port
    upstreams: dict[str, tuple[Host, Port]]
    #: Where identity answers gRPC: it is asked about API keys, and about hosts that organisations have of their own.
    identity_rpc: tuple[Host, Port]
    cert_dir: Path
    root_domain: DomainName
    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    platform_audience: str = Field(default="execos-platform", min_length=1)

    bind_host: Host = "127.0.0.1"
    admin_host: Host = "127.0.0.1"
    #: The port clients use for HTTPS, where a load balancer maps another one to `https_port`.
    public_https_port: Port | None = None
    #: Neutral hosts besides `api.<root_domain>`.
    hosts: tuple[Host, ...] = ()
    cors_origins: tuple[Origin, ...] = ()
    #: Proxies in front whose X-Forwarded-For entry is believed.
    trusted_hops: int = Field(default=0, ge=0, le=5)
    rate_multiplier: float = Field(default=1, gt=0)
    hsts_seconds: int = Field(default=31_536_000, ge=0)
    access_log: bool = True

    certificate_file: FileName = "server.crt"
    key_file: FileName = "server.key"
    #: Where the merged `openapi.json` is read when the configuration is written.
    static_dir: Path = _COMMITTED_DOCUMENT
    #: Where Envoy sees the directory the configuration is written to, if not there.
    mounted_at: Path | None = None

    #: How long identity's public keys are kept, as in every service (EXECOS_JWKS_CACHE_SECONDS).
    jwks_cache_seconds: int = Field(default=300, ge=1, le=3600)
    identity_timeout_seconds: Seconds = 0.5
    header_timeout_seconds: Seconds = 5
    request_timeout_seconds: Seconds = 15
    upstream_timeout_seconds: Seconds = 15
    #: Fifty mebibytes over a line of one megabit a second take seven minutes.
    upload_request_timeout_seconds: Seconds = 600
    #: A file is taken in row by row before it is answered.
    upload_timeout_seconds: Seconds = 60
    max_heap_bytes: int = Field(default=512 * 1024 * 1024, ge=64 * 1024 * 1024)
    max_connections: int = Field(default=10_000, ge=1)

    @model_validator(mode="after")
    def _every_context_has_an_upstream(self) -> Self:
        if set(self.upstreams) != set(CONTEXTS):
            message = f"upstreams must name exactly {', '.join(CONTEXTS)}"
            raise ValueError(message)
        return self

    @property
    def exchange_seconds(self) -> float:
        """How long a request and its answer may take together, where nothing else is said."""
        return self.request_timeout_seconds + self.upstream_timeout_seconds

    @property
    def upload_exchange_seconds(self) -> float:
        """The same of a file that is sent."""
        return self.upload_request_timeout_seconds + self.upload_timeout_seconds

    @property
    def redirect_port(self) -> int:
        """The port that the HTTP listener sends browsers to."""
        return self.public_https_port or self.https_port

    @property
    def neutral_host(self) -> str:
        """A host every service knows, for the requests Envoy makes itself (keys, health)."""
        return f"api.{self.root_domain}"

    @property
    def platform_host(self) -> str:
        """Where the platform is administered, and nothing else."""
        return f"platform.{self.root_domain}"

    @property
    def known_hosts(self) -> tuple[str, ...]:
        """Every host pattern for organisations; of any other host but the platform's identity knows whose it is."""
        return (*self.hosts, self.neutral_host, f"*.{self.root_domain}")


def is_address(host: str) -> bool:
    """Whether `host` is an IP address rather than a name to look up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def environment_names() -> tuple[str, ...]:
    """The committed environments, in alphabetical order."""
    return tuple(sorted(path.stem for path in _ENVIRONMENTS.glob("*.yaml")))


def load(environment: str, **overrides: Any) -> GatewaySettings:
    """The settings of a committed environment or of a YAML file; raises ValidationError or FileNotFoundError."""
    own_file = Path(environment)
    path = own_file if own_file.suffix == ".yaml" else _ENVIRONMENTS / f"{environment}.yaml"
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return GatewaySettings.model_validate(values | overrides)
