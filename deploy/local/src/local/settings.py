"""What a person may set for the embedded stack, from the environment and a `.env` file beside the Makefile.

`.env.example` is the list: a variable that is not in it is refused in `.env` and ignored in the environment, so that
an unrelated WORK_DIR of somebody's shell reaches no service.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from local.ports import Ports

REPOSITORY = Path(__file__).resolve().parents[4]
Profile = Literal["default", "test"]
Environment = Literal["development", "production"]

_VARIABLE = re.compile(r"^#?\s?([A-Z][A-Z0-9_]*)=(.*)$")


class SettingsRefused(Exception):
    """A setting is wrong; one line per bad variable."""


@dataclass(frozen=True)
class Settings:
    """The validated settings; `overrides` are service variables, passed on as they are."""

    data_directory: Path = REPOSITORY / ".data"
    ports: Ports = field(default_factory=Ports)
    environment: Environment = "development"
    profile: Profile = "default"
    seeds: bool = True
    overrides: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def public_url(self) -> str:
        """The gateway's https URL, the issuer of tokens and the base of links in mails."""
        return f"https://localhost:{self.ports.gateway_https}"

    @property
    def jwks_cache_seconds(self) -> int:
        """How long the gateway keeps identity's public keys; the services have judged the value."""
        return int(self.overrides.get("EXECOS_JWKS_CACHE_SECONDS", 300))


def load(*, profile: str | None = None, repository: Path = REPOSITORY) -> Settings:
    """The settings; the environment wins over `.env`, `profile` over both. SettingsRefused names every bad variable."""
    known = with_files(documented(repository / ".env.example"))
    problems: list[str] = []
    values = _from_file(repository / ".env", known, problems)
    values |= {name: os.environ[name] for name in known if os.environ.get(name)}
    if profile:
        values["EXECOS_PROFILE"] = profile
    offset = values.get("EXECOS_PORT_OFFSET", "0")
    ports = Ports()
    try:
        ports = Ports.with_offset(int(offset))
    except ValueError:
        problems.append("EXECOS_PORT_OFFSET: must be a whole number that keeps every port within 1024..65535")
    for name, allowed in _CHOICES.items():
        if values.get(name, allowed[0]) not in allowed:
            problems.append(f"{name}: must be one of {', '.join(allowed)}")
    if problems:
        raise SettingsRefused("\n".join(problems))
    own = ("EXECOS_DATA_DIR", "EXECOS_PORT_OFFSET", "EXECOS_SEED", "EXECOS_ENV", "EXECOS_PROFILE")
    return Settings(
        data_directory=(repository / values.get("EXECOS_DATA_DIR", ".data")).resolve(),
        ports=ports,
        environment=cast("Environment", values.get("EXECOS_ENV", "development")),
        profile=cast("Profile", values.get("EXECOS_PROFILE", "default")),
        seeds=values.get("EXECOS_SEED", "on") == "on",
        overrides={name: value for name, value in values.items() if name not in own},
    )


_CHOICES = {
    "EXECOS_ENV": ("development", "production"),
    "EXECOS_PROFILE": ("default", "test"),
    "EXECOS_SEED": ("on", "off"),
}


def documented(example: Path) -> dict[str, str]:
    """Every variable of `.env.example`, also those commented out, with its example value."""
    matches = map(_VARIABLE.match, example.read_text().splitlines())
    return {found[1]: found[2].strip() for found in matches if found}


def with_files(names: Iterable[str]) -> set[str]:
    """The names, and of each variable of a service `<NAME>_FILE`, which names a file that holds the value."""
    return {*names, *(f"{name}_FILE" for name in names if not name.startswith("EXECOS_"))}


def _from_file(path: Path, known: Collection[str], problems: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    lines = path.read_text().splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, separator, value = stripped.partition("=")
        if not separator:
            problems.append(f".env line {number}: must be NAME=value")
        elif name not in known:
            problems.append(f"{name}: unknown variable (.env line {number}; .env.example lists all)")
        else:
            values[name] = value.strip().strip("'\"")
    return values
