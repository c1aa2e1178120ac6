"""What the reporting service is made of."""

from pathlib import Path
from typing import Any

from chassis.rpc import Peer
from chassis.service import Service
from clients.identity.client import IdentityClient
from clients.identity.copies import WATCHES
from clients.jobs.client import JobsClient
from reporting.consumed import HANDLERS
from reporting.domain.rows import Row
from reporting.http.audit import audit
from reporting.http.dashboard import dashboard
from reporting.http.health import ceo, score_jobs
from reporting.http.hygiene import hygiene
from reporting.http.jobs import jobs as job_doors
from reporting.job_desk import JobDesk
from reporting.jobs import jobs
from reporting.rebuild import rebuild
from reporting.rules import look_up
from reporting.settings import ReportingSettings

PEERS = ("identity", "sales", "work", "billing", "notifications")


def _peers(peers: dict[str, Peer]) -> dict[type, Any]:
    return {
        IdentityClient: IdentityClient(peers["identity"]),
        JobDesk: JobDesk({name: JobsClient(peer) for name, peer in peers.items()}),
    }


REPORTING = Service(
    name="reporting",
    title="Execos reporting",
    settings=ReportingSettings,
    metadata=Row.metadata,
    migrations=Path(__file__).parents[2] / "migrations",
    routers=[ceo, dashboard, hygiene, audit, score_jobs, job_doors],
    handlers=HANDLERS,
    watches=WATCHES,
    rules_of=look_up,
    module="reporting",
    jobs=jobs,
    commands={"rebuild": rebuild},
    peers=lambda settings, peer: _peers(
        {name: peer(name, getattr(settings, f"{name}_grpc")) for name in PEERS}
    ),
)
