"""What nobody can need any more is deleted; the rest stays."""

from services.identity.tests.place import Place
from sqlalchemy import func, select

from identity.domain.login_attempts import LoginAttempts
from identity.domain.sessions import Session
from identity.jobs import forget_sign_ins


async def _left(place: Place) -> tuple[int, int]:
    bucket = place.reception.seals.bucket(place.owner.email, None)
    async with place.reception.tx() as tx:
        sessions = select(func.count()).select_from(Session).where(Session.org_id == place.owner.org_id)
        buckets = select(func.count()).select_from(LoginAttempts).where(LoginAttempts.bucket == bucket)
        return int(await tx.session.scalar(sessions) or 0), int(await tx.session.scalar(buckets) or 0)


async def test_old_sessions_and_full_budgets_are_forgotten(place: Place) -> None:
    await place.owner.sign_in()
    await place.owner.browser.post("/auth/logout")
    await place.owner.sign_in()
    for days, left in ((1, (2, 1)), (2, (2, 0)), (28, (1, 0)), (31, (0, 0))):
        place.stand.clock.advance(days=days)
        await forget_sign_ins(place.stand.runtime, place.stand.clock.now)
        assert await _left(place) == left, days
