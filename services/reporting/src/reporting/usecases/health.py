"""The score of the present, and the snapshot of a day."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.queries import Reader
from chassis.tx import Tx
from reporting.domain.explanations import Scored, explain
from reporting.domain.health import Measures, breakdown_of, score_of
from reporting.domain.kpis import amounts, kpis
from reporting.domain.snapshots import HealthSnapshot
from reporting.published import health_score_computed
from reporting.store import dashboard, health


class Health(NamedTuple):
    """How an organisation is doing."""

    score: int
    breakdown: dict[str, Any]
    day: date
    yesterday_score: int | None
    computed_at: datetime
    as_of: datetime


async def read_health(reader: Reader, org_id: UUID, now: datetime) -> Health:
    """The present, out of the read models; nothing is written."""
    present = await health.read_present(reader, org_id, now)
    measures = Measures(**{name: getattr(present, name) for name in Measures.__dataclass_fields__})
    breakdown = breakdown_of(measures)
    score = score_of(breakdown["penalties"])
    return Health(score, breakdown, present.today, present.yesterday_score, now, present.as_of)


async def explain_health(reader: Reader, org_id: UUID, day: date | None, now: datetime) -> dict[str, Any]:
    """A day (today when None) beside the day before, out of snapshots; the present where today has none yet.

    NotFound for any other day without a snapshot.
    """
    rows = await health.list_two_days(reader, org_id, day, now)
    wanted = rows[0].wanted_day
    kept = {row.day: Scored(row.score, row.breakdown) for row in rows if row.day is not None}
    after = kept.get(wanted)
    if after is None and wanted == rows[0].today:
        present = await read_health(reader, org_id, now)
        after = Scored(present.score, present.breakdown)
    if after is None:
        raise NotFound("There is no score of that day.")
    return explain(wanted, after, kept.get(wanted - timedelta(days=1)))


async def compute_health(tx: Tx) -> Health:
    """The present, kept as the snapshot of the organisation's day; its score is told when it is new or another."""
    org_id = tx.actor.org_id
    await health.lock(tx.session, org_id)
    present = await read_health(tx, org_id, tx.now)
    figures = await _read_kpis(tx, org_id, tx.now)
    snapshot = await health.find(tx.session, org_id, present.day)
    is_news = snapshot is None or (snapshot.score, snapshot.breakdown) != (present.score, present.breakdown)
    if snapshot is None:
        snapshot = _new_snapshot(tx, present.day)
        tx.add(snapshot)
    elif not is_news and snapshot.kpis == figures:
        tx.note(snapshot, "COMPUTE", {"score": present.score})
        return present
    snapshot.score, snapshot.breakdown, snapshot.kpis = present.score, present.breakdown, figures
    snapshot.computed_at = present.computed_at
    tx.record(snapshot, "COMPUTE")
    if is_news:
        tx.publish(health_score_computed(snapshot, present.yesterday_score))
    return present


async def _read_kpis(reader: Reader, org_id: UUID, now: datetime) -> dict[str, Any]:
    frame, sums = await dashboard.read_figures(reader, org_id, now)
    return kpis(frame.currency, [amounts(*row) for row in sums], frame.overdue_work)


def _new_snapshot(tx: Tx, day: date) -> HealthSnapshot:
    return HealthSnapshot(
        org_id=tx.actor.org_id, id=new_id(), version=1, created_at=tx.now, updated_at=tx.now, day=day
    )
