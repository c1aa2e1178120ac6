"""The jobs of one service for tests of others: the same answers from memory, and it can be away."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from chassis.errors import DependencyUnavailable, NotFound
from chassis.ids import new_id
from clients.jobs.types import Job, JobRun

ACTIVE = frozenset({"queued", "running"})
QUEUED_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeJobs:
    """In-memory jobs of one service; set `is_away` to make every question fail as a dead peer does."""

    service: str
    known: dict[str, Job] = field(default_factory=dict)
    runs: dict[tuple[UUID, str], list[JobRun]] = field(default_factory=dict)
    requests: dict[tuple[UUID, str, str], JobRun] = field(default_factory=dict)
    is_away: bool = False

    def add_job(self, name: str) -> Job:
        """A job of this service."""
        full_name = f"{self.service}.{name}"
        self.known[full_name] = Job(full_name, "*/5 * * * *", "A job of a test.", next_run=QUEUED_AT)
        return self.known[full_name]

    async def jobs(self, org_id: UUID, name: str | None = None) -> list[Job]:
        """The service's jobs in order of name, or one of them."""
        self._asked()
        names = sorted(self.known) if name is None else [self._find(name)]
        return [self._shown(org_id, each) for each in names]

    async def run(self, org_id: UUID, name: str, request_id: str) -> JobRun:
        """Start a job now; the same request starts it once, and while a run is active there is no other."""
        self._asked()
        asked = (org_id, self._find(name), request_id)
        runs = self.runs.setdefault((org_id, name), [])
        known = self.requests.get(asked) or next((run for run in runs if run.status in ACTIVE), None)
        if known is None:
            known = self.requests[asked] = JobRun(new_id(), name, "queued", QUEUED_AT)
            runs.insert(0, known)
        return known

    def _shown(self, org_id: UUID, name: str) -> Job:
        runs = self.runs.get((org_id, name), [])
        return replace(self.known[name], runs=tuple(runs), last_run=runs[0] if runs else None)

    def _find(self, name: str) -> str:
        if name not in self.known:
            raise NotFound("There is no such job.")
        return name

    def _asked(self) -> None:
        if self.is_away:
            raise DependencyUnavailable(
                f"The {self.service} service does not answer; try again.", service=self.service
            )
