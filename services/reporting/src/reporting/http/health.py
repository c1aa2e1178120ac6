"""Doors of the CEO health score."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import Field

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from chassis.schema import Instant, Out, Parameters
from reporting.domain.permissions import Permission
from reporting.http.ranges import MAX_DAYS, PlausibleDay, check_order
from reporting.store import health as store
from reporting.usecases.health import Health, compute_health, explain_health, read_health

ceo = router("ceo")
score_jobs = router("jobs")

MayRead = Annotated[Actor, Depends(Requires(Permission.HEALTH_READ))]
MayRun = Annotated[Actor, Depends(Requires(Permission.JOBS_RUN))]


class Penalties(Out):
    """What each measure costs."""

    overdue_work_penalty: int
    overdue_invoice_penalty: int
    stale_deals_penalty: int
    hygiene_penalty: int


class Thresholds(Out):
    """From when on something is stale or overdue, by the organisation's policies."""

    stale_days: int
    overdue_after_days: int


class Breakdown(Out):
    """How a score comes about; shares are between 0 and 1."""

    overdue_work_pct: float
    overdue_invoice_pct: float
    stale_deals_pct: float
    hygiene_count: int
    penalties: Penalties
    thresholds: Thresholds


class Trend(Out):
    """Against the snapshot of the day before."""

    yesterday_score: int
    delta: int


class HealthOut(Out):
    """The score of the present."""

    score: int
    breakdown: Breakdown
    computed_at: Instant
    date_key: str
    as_of: Instant
    trend: Trend | None


class DriverValue(Out):
    """A measure and what it costs."""

    metric_value: float
    penalty: int


class Driver(Out):
    """A measure that got worse."""

    key: str
    title: str
    summary: str
    impact_points: int
    before: DriverValue
    after: DriverValue
    deep_link: str


class Breakdowns(Out):
    """Of the day and of the one before, null where there is none."""

    today: Breakdown
    yesterday: Breakdown | None


class ExplanationOut(Out):
    """Why a day's score is another than that of the day before."""

    date_key: str
    today_score: int
    yesterday_score: int | None
    delta: int | None
    drivers: list[Driver]
    notes: list[str]
    breakdown: Breakdowns
    as_of: Instant


class DayScore(Out):
    """The snapshot of a day."""

    date_key: str
    score: int
    breakdown: Breakdown


class HistoryOut(Out):
    """Snapshots, oldest first; days without one are left out."""

    items: list[DayScore]
    as_of: Instant


class ExplainQuery(Parameters):
    """Which day."""

    day: PlausibleDay | None = Field(None, alias="date", description="Today by default.")


class HistoryQuery(Parameters):
    """Which days, both included; the last thirty by default."""

    first: PlausibleDay | None = Field(None, alias="from")
    last: PlausibleDay | None = Field(None, alias="to")


def shown(health: Health) -> dict[str, Any]:
    """The present as the API shows it."""
    before = health.yesterday_score
    return {
        "score": health.score,
        "breakdown": health.breakdown,
        "computed_at": health.computed_at,
        "date_key": health.day.isoformat(),
        "as_of": health.as_of,
        "trend": None if before is None else {"yesterday_score": before, "delta": health.score - before},
    }


@ceo.get("/ceo/health-score", response_model=HealthOut)
async def read_health_score(actor: MayRead, tx: InReadTx) -> Any:
    """The score of the present, computed from the read models; the trend is null when the day before has none."""
    return shown(await read_health(tx, actor.org_id, tx.now))


@ceo.get("/ceo/health-score/explain", response_model=ExplanationOut)
async def explain_health_score(
    actor: MayRead, query: Annotated[ExplainQuery, Depends(ExplainQuery.of)], tx: InReadTx
) -> Any:
    """What made a day's score worse than that of the day before; the present where today has no snapshot yet."""
    return await explain_health(tx, actor.org_id, query.day, tx.now) | {"as_of": tx.now}


@ceo.get("/ceo/health-score/history", response_model=HistoryOut)
async def list_health_scores(
    actor: MayRead, query: Annotated[HistoryQuery, Depends(HistoryQuery.of)], tx: InReadTx
) -> Any:
    """The snapshots of at most 366 days."""
    check_order(query.first, query.last, max_days=MAX_DAYS)
    rows = await store.list_history(tx, actor.org_id, query.first, query.last, tx.now)
    items = [
        {"date_key": row.date_key.isoformat(), "score": row.score, "breakdown": row.breakdown} for row in rows
    ]
    return {"items": items, "as_of": tx.now}


@score_jobs.post("/jobs/compute-health-score", response_model=HealthOut)
async def compute_health_score(_actor: MayRun, tx: InTx) -> Any:
    """Compute the score now and keep it as the snapshot of the day."""
    return shown(await compute_health(tx))
