"""What nobody can need any more is deleted; the rest stays."""

from services.identity.tests.place import Place
from sqlalchemy import func, select

from identity.domain.login_attempts import LoginAttempts
from identity.domain.mail_links import LinkKind, MailLink
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


async def test_dead_links_are_forgotten(place: Place) -> None:
    for _ in range(2):
        await place.mail_link(place.owner, LinkKind.PASSWORD_RESET)
        place.stand.clock.advance(hours=24)
    await forget_sign_ins(place.stand.runtime, place.stand.clock.now)
    async with place.reception.tx() as tx:
        kept = select(func.count()).select_from(MailLink).where(MailLink.user_id == place.owner.id)
        assert await tx.session.scalar(kept) == 1


async def test_security_events_are_kept_as_long_as_each_organisation_wants(place: Place) -> None:
    other = await place.open()
    await place.change_policies(other, security_event_retention_days=365)
    for person in (place.owner, other):
        for _ in range(6):
            await person.sign_in("wrong password")
    await place.reception.settle()
    spike = [("FAILED_LOGIN_SPIKE", "MEDIUM")]
    for days, own, others in ((180, spike, spike), (1, [], spike), (184, [], spike), (1, [], [])):
        place.stand.clock.advance(days=days)
        await forget_sign_ins(place.stand.runtime, place.stand.clock.now)
        assert (await place.security_events(), await place.security_events(other.org_id)) == (own, others)
