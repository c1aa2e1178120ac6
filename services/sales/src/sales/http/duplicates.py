"""The door of companies that look alike."""

from typing import Annotated, Literal

from fastapi import Depends
from pydantic import Field

from chassis.guards import InReadTx
from chassis.http import router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import Instant, Out
from sales.domain.likeness import MIN_SCORE, Reason
from sales.http.companies import CompanyOut, MayRead
from sales.usecases.duplicates import list_duplicates

duplicates = router("companies")


class DuplicatesQuery(PageQuery):
    """Query parameters of the list of companies that look alike."""

    sort_by: Literal["score", "detectedAt"] = "score"
    min_score: int = Field(MIN_SCORE, ge=0, le=100)


class DuplicateOut(Out):
    """Two companies that look alike, and why."""

    a: CompanyOut
    b: CompanyOut
    score: int
    reasons: list[Reason]
    detected_at: Instant


@duplicates.get("/companies/duplicates", response_model=listing(DuplicateOut))
async def search_duplicates(
    _actor: MayRead, query: Annotated[DuplicatesQuery, Depends(DuplicatesQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Pairs of live companies that look alike, the most alike first."""
    return await list_duplicates(tx, query, max(query.min_score, 1))
