"""The door of the search across companies, contacts, leads and deals."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from pydantic import AfterValidator, Field, StringConstraints

from chassis.auth import Actor
from chassis.guards import InReadTx
from chassis.http import router
from chassis.schema import Out, Parameters, Text
from sales.domain.documents import link_to
from sales.domain.finding import EntityType
from sales.domain.labels import readable
from sales.domain.words import folded, wanted
from sales.http.labels import MayReadAny
from sales.store import search as store

finding = router("search")


def _types(text: str) -> str:
    unknown = sorted(set(text.split(",")) - set(EntityType))
    if unknown:
        raise ValueError(f"must be some of {', '.join(EntityType)}, with commas between")
    return text


class SearchQuery(Parameters):
    """What to look for."""

    q: Annotated[Text, StringConstraints(min_length=1, max_length=255)] = Field(
        description="Words, each the beginning of one that a row must hold."
    )
    types: Annotated[Text, StringConstraints(max_length=64), AfterValidator(_types)] | None = Field(
        None, description="Some of company, contact, lead, deal, with commas between; all without it."
    )
    limit: int = Field(20, ge=1, le=50)

    def readable_by(self, actor: Actor) -> list[EntityType]:
        """The types that are asked for and that the actor may read."""
        asked = set(self.types.split(",")) if self.types else set(EntityType)
        return [EntityType(kind) for kind in readable(actor.may) if kind in asked]


class FoundOut(Out):
    """One row that was found; `score` says how well it fits, 100 is its very title."""

    type: EntityType
    id: UUID
    title: str
    subtitle: str | None
    score: int
    link: str


class SearchOut(Out):
    """What was found, the best first."""

    items: list[FoundOut]


@finding.get("/search", response_model=SearchOut)
async def search(
    actor: MayReadAny, query: Annotated[SearchQuery, Depends(SearchQuery.of)], tx: InReadTx
) -> Any:
    """Live rows that hold every word, of the types that the reader may read."""
    sought, types = wanted(query.q), query.readable_by(actor)
    rows = []
    if sought.words:
        rows = await store.find(
            tx, actor.org_id, sought, title=folded(query.q), types=types, limit=query.limit
        )
    return {
        "items": [
            {
                "type": row.entity_type,
                "id": row.entity_id,
                "title": row.title,
                "subtitle": row.subtitle,
                "score": row.score,
                "link": link_to(row.entity_type, row.entity_id),
            }
            for row in rows
        ]
    }
