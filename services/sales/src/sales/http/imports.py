"""Doors of imports: upload, mapping, dry run, apply, report, revert."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AliasPath, BaseModel, Field, computed_field

from chassis.auth import Actor
from chassis.cells import lines
from chassis.guards import InReadTx, InTx, Requires
from chassis.history import ActivityOut, ActivityQuery, list_activity
from chassis.http import API, router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.routing import takes_upload
from chassis.runtime import runtime_of
from chassis.schema import In, Instant, Line, Out, Person
from sales.domain.imports import KEPT, DuplicatePolicy, Entity, Import, ImportStatus, Verdict
from sales.http.knowing import know_organisation
from sales.http.uploads import FORM, MAX_BYTES, Upload, uploaded
from sales.sheet_reader import reading
from sales.store import imports as store
from sales.usecases.imports import begin_import, entities_of, fields_of, map_import, start

imports = router("imports")

MAX_MAPPED = 200
MayImport = Annotated[Actor, Depends(Requires(*(entity.permission for entity in Entity)))]


class MappingIn(In):
    """Which field comes from which column; `cf.<key>` is a field of the organisation's own."""

    mapping: Annotated[dict[Line, Line], Field(min_length=1, max_length=MAX_MAPPED)]
    duplicate_policy: DuplicatePolicy = DuplicatePolicy.SKIP
    match_by: Annotated[list[Line], Field(max_length=10)] | None = Field(
        None, description="A row is looked for by the first of these fields for which it has a value."
    )


class ProgressOut(Out):
    """How many rows of how many are done."""

    done: int
    total: int


class CountersOut(BaseModel):
    """What has become, or is to become, of how many rows."""

    valid: int
    invalid: int
    create: int
    update: int
    skip: int


class UndoneOut(BaseModel):
    """How many rows reverting has undone, and how many it has left alone, because they have been changed since."""

    reverted: int
    kept: int


class ImportOut(Out):
    """An import; `counters` are of the dry run, then of what was applied."""

    id: UUID
    entity: Entity
    status: ImportStatus
    file_name: str
    format: str
    columns: list[str]
    suggested_mapping: dict[str, str]
    mapping: dict[str, str] | None
    duplicate_policy: DuplicatePolicy | None
    match_by: list[str] | None
    done: int = Field(exclude=True)
    total: int = Field(exclude=True)
    counters: CountersOut
    undone: UndoneOut = Field(validation_alias=AliasPath("counters"))
    starter: dict[str, Any] = Field(exclude=True)
    error: str | None
    applied_at: Instant | None
    expired_at: Instant | None = Field(exclude=True)
    version: int
    created_at: Instant
    updated_at: Instant

    @computed_field  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def progress(self) -> ProgressOut:
        """How far it is."""
        return ProgressOut(done=self.done, total=self.total)

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def rows_kept_until(self) -> Instant:
        """Until when its rows and its report are there and it can be reverted, if nothing else is done with it."""
        return self.expired_at or self.updated_at + KEPT

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def fields(self) -> list[str]:
        """What columns can be mapped to."""
        return fields_of(self.entity)

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def started_by(self) -> Person:
        """On whose behalf its rows are worked on."""
        return Person(id=self.starter["id"], name=self.starter["name"], email=self.starter["email"])


class ProblemOut(BaseModel):
    """What is wrong with a field of a row."""

    field: str
    issues: list[str]


class DuplicateOut(BaseModel):
    """What a row is already: a row that is there, or an earlier one of the file."""

    id: UUID | None = None
    name: str | None = None
    row: int | None = None


class ImportRowOut(Out):
    """A row of the file, by its number there, its header being the first; `cells` are in the order of the columns."""

    number: int = Field(serialization_alias="row")
    cells: list[str | None]
    verdict: Verdict | None
    problems: list[ProblemOut] | None
    duplicate: DuplicateOut | None
    entity_id: UUID | None
    outcome: Literal["applied", "reverted", "kept"] | None


class ImportsQuery(PageQuery):
    """Query parameters of the list of imports."""

    sort_by: Literal["createdAt"] = "createdAt"
    status: ImportStatus | None = None
    entity: Entity | None = None

    def filters(self, actor: Actor) -> dict[str, Any]:
        """The filters as the store knows them: only what the actor may import is shown."""
        shown = [each.value for each in entities_of(actor) if self.entity in {None, each}]
        return {"entities": shown, "status": self.status}


class ImportRowsQuery(PageQuery):
    """Query parameters of the rows of an import."""

    sort_by: Literal["row"] = "row"
    sort_dir: Literal["asc", "desc"] = "asc"
    verdict: Literal["create", "update", "skip", "invalid", "valid"] | None = None
    outcome: Literal["applied", "reverted", "kept"] | None = None

    def filters(self) -> dict[str, Any]:
        """The filters as the store knows them."""
        is_valid = self.verdict == "valid"
        return {
            "verdict": None if is_valid else self.verdict,
            "valid": True if is_valid else None,
            "outcome": self.outcome,
        }


@imports.get("/imports", response_model=listing(ImportOut))
async def search(
    actor: MayImport, query: Annotated[ImportsQuery, Depends(ImportsQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Imports, newest first."""
    return await store.list_imports(tx, actor.org_id, query, query.filters(actor))


@imports.post(
    "/imports", response_model=ImportOut, status_code=201, openapi_extra=takes_upload(MAX_BYTES, FORM)
)
async def create(
    _actor: MayImport, upload: Annotated[Upload, Depends(uploaded, scope="function")], tx: InTx
) -> Any:
    """Send a CSV or an XLSX file; what its columns mean is suggested."""
    async with reading(upload.file) as table:
        return await begin_import(tx, upload.entity, upload.file_name, table)


@imports.get("/imports/{import_id}", response_model=ImportOut)
async def read(import_id: UUID, actor: MayImport, tx: InReadTx) -> Any:
    """One import, and how far it is."""
    return await store.show(tx, actor.org_id, import_id, entities=entities_of(actor))


@imports.put("/imports/{import_id}/mapping", response_model=ImportOut)
async def replace_mapping(import_id: UUID, _actor: MayImport, body: MappingIn, tx: InTx) -> Any:
    """Say what the columns mean, and what becomes of rows that are there already."""
    return await map_import(tx, import_id, body.mapping, body.duplicate_policy, body.match_by)


@imports.post("/imports/{import_id}/dry-run", response_model=ImportOut, status_code=202)
async def dry_run(
    import_id: UUID,
    response: Response,
    _actor: MayImport,
    _known: Annotated[None, Depends(know_organisation)],
    tx: InTx,
) -> Any:
    """Check every row and say what would become of it; nothing is changed."""
    return await _started(tx, import_id, ImportStatus.CHECKING, response)


@imports.post("/imports/{import_id}/apply", response_model=ImportOut, status_code=202)
async def apply(
    import_id: UUID,
    response: Response,
    _actor: MayImport,
    _known: Annotated[None, Depends(know_organisation)],
    tx: InTx,
) -> Any:
    """Import every row that is valid, with or without a dry run before."""
    return await _started(tx, import_id, ImportStatus.APPLYING, response)


@imports.post("/imports/{import_id}/revert", response_model=ImportOut, status_code=202)
async def revert(import_id: UUID, response: Response, _actor: MayImport, tx: InTx) -> Any:
    """Put away what was created and give back what was updated, where nobody has changed it since."""
    return await _started(tx, import_id, ImportStatus.REVERTING, response)


@imports.get("/imports/{import_id}/rows", response_model=listing(ImportRowOut))
async def search_rows(
    import_id: UUID,
    actor: MayImport,
    query: Annotated[ImportRowsQuery, Depends(ImportRowsQuery.of)],
    tx: InReadTx,
) -> PageRows | CursorRows:
    """The rows of the file with their verdicts, in its order."""
    await store.show(tx, actor.org_id, import_id, entities=entities_of(actor))
    return await store.list_rows(tx, actor.org_id, import_id, query, query.filters())


@imports.get("/imports/{import_id}/activity", response_model=listing(ActivityOut))
async def read_activity(
    import_id: UUID,
    actor: MayImport,
    query: Annotated[ActivityQuery, Depends(ActivityQuery.of)],
    tx: InReadTx,
) -> PageRows | CursorRows:
    """Who did what with the import, newest first."""
    await store.show(tx, actor.org_id, import_id, entities=entities_of(actor))
    return await list_activity(tx, actor.org_id, Import.entity_type, import_id, query)


@imports.get(
    "/imports/{import_id}/errors.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The rows."}},
)
async def read_errors(request: Request, import_id: UUID, actor: MayImport, tx: InReadTx) -> StreamingResponse:
    """The rows that are invalid as CSV: as they were sent, with their numbers and what is wrong with them."""
    run = await store.show(tx, actor.org_id, import_id, entities=entities_of(actor))
    rows = store.errors(runtime_of(request.app).source, actor, import_id)
    headers = {"content-disposition": f'attachment; filename="import-errors-{import_id}.csv"'}
    return StreamingResponse(
        _errors(run.columns, rows), media_type="text/csv; charset=utf-8", headers=headers
    )


async def _errors(columns: list[str], batches: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    yield lines([["row", "problems", *columns]])
    async for batch in batches:
        yield lines([[row.number, _told(row.problems), *row.cells] for row in batch])


def _told(problems: list[dict[str, Any]] | None) -> str:
    return "; ".join(f"{each['field']}: {', '.join(each['issues'])}" for each in problems or ())


async def _started(tx: InTx, import_id: UUID, phase: ImportStatus, response: Response) -> Any:
    response.headers["location"] = f"{API}/imports/{import_id}"
    return await start(tx, import_id, phase)
