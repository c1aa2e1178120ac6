"""What is taken away at the beginning of an audit chain, and the checkpoint that stands for it; for the system role."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from reporting.domain.audit import AuditCheckpoint, AuditEntry, AuditSeal
from reporting.domain.models import KnownOrganisation


class Retention(NamedTuple):
    """An organisation, and for how many days its policy wants its log kept."""

    org_id: UUID
    days: int


async def list_retentions(session: AsyncSession) -> Sequence[Retention]:
    """Every organisation with its policy."""
    # tenantless: the job looks at the chains of every organisation
    wanted = select(KnownOrganisation.org_id, KnownOrganisation.audit_retention_days)
    found = await session.execute(wanted.order_by(KnownOrganisation.org_id))
    return [Retention(*row) for row in found]


async def find_last(session: AsyncSession, org_id: UUID, before: datetime, limit: int) -> Any:
    """The last of the first entries that were all recorded before an instant, at most `limit`; None without any.

    Never the last of the whole chain: what is left begins where the checkpoint ends.
    """
    chain = select(AuditEntry.seq, AuditEntry.hash, AuditEntry.recorded_at).where(AuditEntry.org_id == org_id)
    first = chain.order_by(AuditEntry.seq).limit(limit + 1).subquery()
    young = select(func.min(first.c.seq)).where(first.c.recorded_at >= before).scalar_subquery()
    end = func.coalesce(young, select(func.max(first.c.seq)).scalar_subquery())
    # tenantless: the entries it chooses from name org_id
    last = select(first.c.seq, first.c.hash).where(first.c.seq < end).order_by(first.c.seq.desc()).limit(1)
    return (await session.execute(last)).one_or_none()


async def replace(session: AsyncSession, checkpoint: Mapping[str, Any]) -> None:
    """Keep the checkpoint in place of every entry, and every seal, that it stands for."""
    statement = insert(AuditCheckpoint).values(checkpoint)
    said = {name: value for name, value in checkpoint.items() if name != "org_id"}
    await session.execute(statement.on_conflict_do_update(index_elements=[AuditCheckpoint.org_id], set_=said))
    for table in (AuditEntry, AuditSeal):
        gone = delete(table).where(table.org_id == checkpoint["org_id"], table.seq <= checkpoint["seq"])
        await session.execute(gone)
