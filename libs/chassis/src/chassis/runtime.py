"""What a running service is made of, reachable from its app."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from fastapi import FastAPI

from chassis.auth import TokenVerifier
from chassis.database import Database
from chassis.denials import Denials
from chassis.errors import Constraints
from chassis.tenants import Tenants
from chassis.tx import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Platform:
    """The services that make up the platform (name to base URL), those it cannot do without, and the domain of its
    tenants' hosts.
    """

    services: Mapping[str, str] = field(default_factory=dict)
    core: frozenset[str] = frozenset()
    root_domain: str = ""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts every door may need; `parts` holds a service's own (its settings, clients of its peers)."""

    source: Source
    system: Database
    verifier: TokenVerifier
    denials: Denials
    tenants: Tenants
    constraints: Constraints = field(default_factory=dict)
    parts: dict[type, Any] = field(default_factory=dict)
    platform: Platform = field(default_factory=Platform)

    def part(self, kind: type[T]) -> T:
        """A service's own part by its type, such as the client of a peer."""
        return cast("T", self.parts[kind])


def runtime_of(app: FastAPI) -> Runtime:
    """The runtime of an app made by `create_app`."""
    runtime: Runtime = app.state.runtime
    return runtime
