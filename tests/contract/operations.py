"""Every operation there is: from the OpenAPI documents, from the gRPC contracts, from the gateway's route table."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.contract.platform import ORDER, service_named

import execos
from gateway.openapi import merge
from gateway.routes import API, PLATFORM

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
OWN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""What every service answers on its own port and the gateway never passes on."""


@dataclass(frozen=True)
class Operation:
    """One door: its id, method and path, and what its document says of it."""

    service: str
    id: str
    method: str
    path: str
    permission: str | None
    document: Mapping[str, Any]

    @property
    def permissions(self) -> frozenset[str]:
        """The permissions any of which opens it."""
        own = [] if self.permission is None else [self.permission]
        return frozenset([*own, *self.document["operation"].get("x-permission-others", ())])

    @property
    def is_public(self) -> bool:
        """Whether it needs no token."""
        return self.permission is None

    @property
    def is_platform(self) -> bool:
        """Whether it belongs to the platform's administration: another host, other tokens."""
        return self.path.startswith(PLATFORM)

    @property
    def is_final(self) -> bool:
        """Whether it ends the organisation in which it is done."""
        return self.line == "POST /org/delete"

    @property
    def is_disruptive(self) -> bool:
        """Whether other operations of the organisation may be refused afterwards."""
        return self.is_final or "/settings/features/" in self.path

    @property
    def line(self) -> str:
        """As the role table writes it: `GET /companies/{id}`."""
        path = self.path.removeprefix(API)
        name = path.partition("{")[2].partition("}")[0]
        return f"{self.method} {path.replace('{' + name + '}', '{id}') if name else path}"

    @property
    def has_id(self) -> bool:
        """Whether its path names a row; keys of system roles and codes of modules are every organisation's."""
        return "{" in self.path and not any(each in self.path for each in ("{key}", "{code}"))

    @property
    def takes_form(self) -> bool:
        """Whether its body is a form with a file."""
        content = self.document["operation"].get("requestBody", {}).get("content", {})
        return "multipart/form-data" in content

    def body(self) -> Mapping[str, Any] | None:
        """The schema of its JSON body, references resolved one step; None when it takes none."""
        content = self.document["operation"].get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return None
        schema: Mapping[str, Any] = content["application/json"]["schema"]
        named = [schema, *schema.get("anyOf", [])]
        reference = next((each["$ref"] for each in named if "$ref" in each), None)
        return self.component(reference) if reference else schema

    def component(self, reference: str) -> Mapping[str, Any]:
        """The schema that a reference names."""
        found: Mapping[str, Any] = self.document["schemas"][reference.rpartition("/")[2]]
        return found


@cache
def documents() -> dict[str, dict[str, Any]]:
    """The OpenAPI document of each service, as its code says it now."""
    return {name: service_named(name).app().openapi() for name in ORDER}


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of every service that the gateway passes on."""
    return tuple(_operations())


def writing() -> list[Operation]:
    """The operations that change something and need a token."""
    return [each for each in operations() if each.method in WRITING and not each.is_public]


def merged_paths() -> dict[str, Any]:
    """The paths of the gateway's document."""
    found: dict[str, Any] = merge(documents())["paths"]
    return found


@cache
def grpc_methods() -> Mapping[str, Any]:
    """Every gRPC method of our own contracts by full name, with its descriptor; the gateway's question is Envoy's."""
    return {
        f"/{service.full_name}/{method.name}": method
        for module in contract_modules()
        for service in module.DESCRIPTOR.services_by_name.values()
        if service.full_name.startswith("execos.")
        for method in service.methods
    }


@cache
def contract_modules() -> tuple[Any, ...]:
    """Every generated module of the contracts."""
    names = {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for root in execos.__path__
        for path in Path(root).glob("*/*/*_pb2.py")
    }
    return tuple(importlib.import_module(f"execos.{name}") for name in sorted(names))


def _operations() -> Iterator[Operation]:
    for service, document in documents().items():
        schemas = document["components"]["schemas"]
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if path not in OWN_PATHS:
                    permission = None if operation.get("x-public") else operation["x-permission"]
                    told = {"operation": operation, "schemas": schemas}
                    yield Operation(service, operation["operationId"], method.upper(), path, permission, told)
