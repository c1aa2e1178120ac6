"""Facts out: the score of a day."""

from chassis.tx import Fact
from execos.reporting.v1.events_pb2 import HealthScoreComputed
from reporting.domain.snapshots import HealthSnapshot


def health_score_computed(snapshot: HealthSnapshot, yesterday_score: int | None) -> Fact:
    """The day has a score, or another one than before."""
    message = HealthScoreComputed(
        date_key=snapshot.day.isoformat(), score=snapshot.score, yesterday_score=yesterday_score
    )
    message.computed_at.FromDatetime(snapshot.computed_at)
    return Fact(message, snapshot.id, snapshot.version)
