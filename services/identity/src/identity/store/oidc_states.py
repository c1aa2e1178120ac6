"""Sign-ins that wait for a provider's answer."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.deleting import delete_some
from identity.domain.oidc_states import OidcState


async def take(
    session: AsyncSession, state_hash: bytes, browser_hash: bytes, provider: str, now: datetime
) -> OidcState | None:
    """The waiting sign-in of this browser at this provider, which waits no longer: it can be taken once."""
    # tenantless: before anybody is signed in; by the system role
    taken = delete(OidcState).where(
        OidcState.state_hash == state_hash,
        OidcState.browser_hash == browser_hash,
        OidcState.provider == provider,
        OidcState.expires_at > now,
    )
    return (await session.scalars(taken.returning(OidcState))).one_or_none()


async def forget(session: AsyncSession, now: datetime, limit: int) -> int:
    """Delete sign-ins that nobody finished in time; how many."""
    # tenantless: clean-up by the system role
    return await delete_some(session, OidcState, OidcState.expires_at <= now, limit)
