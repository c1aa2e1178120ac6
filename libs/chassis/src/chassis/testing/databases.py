"""Databases of tests: one per service and worker, migrated once; each test makes its own organisation."""

from chassis.migrations import upgrade
from chassis.service import Service
from local.postgres import Cluster


class Databases:
    """Migrated databases in a throw-away cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._ready: set[str] = set()

    def migrated(self, service: Service) -> None:
        """Make and migrate the database of a service, the first time it is asked for."""
        if service.name not in self._ready:
            self.cluster.ensure_databases([service.name])
            upgrade(service.migrations, self.url(service.name, "owner"))
            self._ready.add(service.name)

    def url(self, service: str, role: str) -> str:
        """The URL of a service's database for one of its roles: app, system or owner."""
        return self.cluster.url(f"{service}_{role}", service)
