"""Doors of batches: up to 500 commands on one kind of rows, each as its single door would take it (spec/wire.md 2)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from chassis.auth import Actor
from chassis.envelope import invalid_request
from chassis.errors import AppError, BadRequest, Invalid
from chassis.etag import parse_if_match
from chassis.guards import ACTOR_KEY, InTx, Requires
from chassis.http import router
from chassis.runtime import runtime_of
from chassis.schema import In, Out
from sales.domain.permissions import Permission
from sales.http.companies import CompanyIn, CompanyPatch
from sales.http.contacts import ContactIn, ContactPatch
from sales.http.deals import DealIn, DealPatch
from sales.http.knowing import OwnedIn, know_organisation, know_people
from sales.http.leads import LeadIn, LeadPatch
from sales.usecases import companies, contacts, deals, leads
from sales.usecases.batches import Commands, Operation, run_batch

MAX_OPERATIONS = 500


def _versions(sent: Any) -> Any:
    try:
        if isinstance(sent, str):
            return parse_if_match([sent])
    except Invalid:
        raise ValueError('must be a version, or an ETag such as "3"') from None
    return sent if sent is None else [sent]


Version = Annotated[
    frozenset[Annotated[int, Field(ge=1, le=2**31 - 1)]] | None,
    BeforeValidator(_versions),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
                {"type": "string", "description": "As the ETag has it."},
                {"type": "null"},
            ]
        }
    ),
]
"""A version as bodies have it, or as the header If-Match has it."""


class OperationIn(In):
    """One command: `data` holds what the single door takes, `ifMatch` the version that the client knows."""

    op: Literal["create", "update", "archive", "restore", "delete"]
    id: UUID | None = None
    if_match: Version = None
    data: dict[str, Any] | None = None  # house: allow name, the word of spec/wire.md 2


class BatchIn(In):
    """Commands in the order in which they are to be done; `atomic` means all of them or none."""

    atomic: bool = False
    operations: list[OperationIn] = Field(min_length=1, max_length=MAX_OPERATIONS)


class FailureOut(Out):
    """Why an operation failed, as its single door would have said it."""

    code: str
    message: str
    details: Any = None


class ResultOut(Out):
    """What became of an operation: the status that its single door would have answered with."""

    index: int
    status: int
    id: UUID | None = None
    error: FailureOut | None = None


class BatchOut(Out):
    """The results, in the order of the operations."""

    results: list[ResultOut]


class Kind(NamedTuple):
    """One kind of rows: who may, what its single doors take, and what they do."""

    tag: str
    batch: Permission
    write: Permission
    new: type[OwnedIn]
    patch: type[OwnedIn]
    commands: Commands


KINDS: Sequence[Kind] = (
    Kind(
        "companies",
        Permission.COMPANIES_BATCH,
        Permission.COMPANIES_WRITE,
        CompanyIn,
        CompanyPatch,
        Commands(
            companies.create_company,
            companies.change_company,
            companies.archive_company,
            companies.restore_company,
        ),
    ),
    Kind(
        "contacts",
        Permission.CONTACTS_BATCH,
        Permission.CONTACTS_WRITE,
        ContactIn,
        ContactPatch,
        Commands(
            contacts.create_contact,
            contacts.change_contact,
            contacts.archive_contact,
            contacts.restore_contact,
        ),
    ),
    Kind(
        "leads",
        Permission.LEADS_BATCH,
        Permission.LEADS_WRITE,
        LeadIn,
        LeadPatch,
        Commands(leads.create_lead, leads.change_lead, leads.archive_lead, leads.restore_lead),
    ),
    Kind(
        "deals",
        Permission.DEALS_BATCH,
        Permission.DEALS_WRITE,
        DealIn,
        DealPatch,
        Commands(deals.create_deal, deals.change_deal, deals.archive_deal, deals.restore_deal),
    ),
)


def batch_door(kind: Kind) -> APIRouter:
    """The router with the batch of one kind of rows."""
    door = router(kind.tag)
    guard = Depends(Requires(kind.batch))
    options: Any = {"response_model": BatchOut, "response_model_exclude_none": True, "dependencies": [guard]}
    door.post(f"/{kind.tag}/batch", **options)(_door(kind))
    return door


def _door(kind: Kind) -> Callable[..., Awaitable[Any]]:
    async def batch(request: Request, body: BatchIn, operations: Any, tx: InTx) -> Any:
        constraints = runtime_of(request.app).constraints
        results = await run_batch(tx, kind.commands, operations, constraints, is_atomic=body.atomic)
        return {"results": results}

    batch.__doc__ = (
        f"Up to {MAX_OPERATIONS} commands on {kind.tag}, each by itself or, if atomic, all or none."
    )
    batch.__annotations__["operations"] = Annotated[
        Any, Depends(_Preparing(kind))
    ]  # what FastAPI reads it as
    return batch


class _Preparing:
    """Dependency: the operations of a batch, checked, once everybody whom they name as an owner is known here."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    async def __call__(self, request: Request, body: BatchIn) -> list[Operation]:
        """Denied to whoever may not do the single command."""
        actor: Actor = request.scope[ACTOR_KEY]
        actor.must(self._kind.write)
        operations = [_checked(self._kind, each) for each in body.operations]
        if self._kind.new is DealIn:
            await know_organisation(request)
        await know_people(request, *(each.owner_user_id for each in operations))
        return operations


def _checked(kind: Kind, sent: OperationIn) -> Operation:
    refusal, values = _misshapen(sent), None
    if refusal is None and sent.op in {"create", "update"}:
        shape = kind.new if sent.op == "create" else kind.patch
        try:
            values = shape.model_validate(sent.data).changes()
        except ValidationError as refused:
            found = [error | {"loc": ("body", *error["loc"])} for error in refused.errors()]
            refusal = invalid_request(RequestValidationError(found))
    return Operation(sent.op, sent.id, sent.if_match, values, refusal)


def _misshapen(sent: OperationIn) -> AppError | None:
    """Why an operation is no command of its kind."""
    if sent.op == "delete":
        return BadRequest("Nothing is deleted here; archive it.", op=sent.op)
    if (sent.op == "create") != (sent.id is None):
        return Invalid.field("id", "is given by the service" if sent.id else "is required")
    if sent.op == "create" and sent.if_match is not None:
        return Invalid.field("ifMatch", "is for what exists")
    if (sent.op in {"create", "update"}) != (sent.data is not None):
        return Invalid.field("data", "is for create and update" if sent.data else "is required")
    return None


batches = [batch_door(kind) for kind in KINDS]
