"""What the reporting service is made of."""

from pathlib import Path

from chassis.service import Service
from clients.identity.copies import REVOKES
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
from reporting.settings import ReportingSettings

PEERS = ("identity", "sales", "work", "billing", "notifications")

REPORTING = Service(
    name="reporting",
    title="Execos reporting",
    settings=ReportingSettings,
    metadata=Row.metadata,
    migrations=Path(__file__).parents[2] / "migrations",
    routers=[ceo, dashboard, hygiene, audit, score_jobs, job_doors],
    handlers=HANDLERS,
    revokes=REVOKES,
    jobs=jobs,
    commands={"rebuild": rebuild},
    peers=lambda settings, peer: {
        JobDesk: JobDesk({name: JobsClient(peer(name, getattr(settings, f"{name}_grpc"))) for name in PEERS}),
    },
)
