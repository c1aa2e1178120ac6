"""The registry of this service's jobs; what they do stands in `finding` and `importing`."""

from collections.abc import Iterable
from uuid import UUID

from chassis.jobs import Jobs
from chassis.runtime import Runtime
from sales.store import documents


async def list_behind(runtime: Runtime) -> Iterable[UUID]:
    """The organisations with rows that are not found as they are: older code, or an import, has written them."""
    async with runtime.system.session(None, read_only=True) as session:
        return await documents.list_organisations_behind(session)


JOBS = Jobs("sales", list_behind)
WORK_ON_IMPORT = "work-on-import"
INDEX_IMPORTED = "index-imported"
COMPARE_AGAIN = "compare-again"
COMPARE_INDEXED = "compare-indexed"
