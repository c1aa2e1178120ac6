"""What is to become of rows of a file, decided as the single commands would; a dry run ends here."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import inspect

from chassis.auth import Actor
from chassis.errors import AppError
from chassis.tx import Tx
from sales.copies import KnownOrganisation
from sales.domain.bulk import AT_A_TIME
from sales.domain.custom_fields import FieldEntity, read
from sales.domain.imports import DuplicatePolicy, Entity, Import, ImportStatus, Verdict
from sales.domain.rows import CUSTOM, Values
from sales.store import custom_fields, import_lookups, imports, organisations
from sales.usecases.import_kinds import KINDS, Kind
from sales.usecases.import_references import References, look_up
from sales.usecases.import_rows import Planned, distinct, planned

Shape = Callable[[Mapping[str, Any]], Values]


Matches = Mapping[tuple[str, str], Sequence[Any]]
"""Rows that are there, by a field and its value."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """How the fields of a new row, and of one that is there, are validated: as at the doors; ValidationError."""

    new: Shape
    known: Shape


@dataclass(slots=True)
class Plan:
    """Rows of one import that are decided together, and what they refer to."""

    tx: Tx
    run: Import
    shapes: Shapes
    rows: Sequence[Planned]
    organisation: KnownOrganisation
    references: References
    matches: Matches
    names: import_lookups.Found
    earlier: Mapping[str, Any]
    earlier_names: Mapping[str, Any]
    targets: Mapping[UUID, Any]
    fields: Mapping[str, Any]

    @property
    def entity(self) -> Entity:
        """What the rows become."""
        return Entity(self.run.entity)

    @property
    def kind(self) -> Kind:
        """How they become it."""
        return KINDS[self.entity]

    def pipeline_of(self, deal: Any) -> Any:
        """The pipeline of a deal, new ones and those of older code being in the default one."""
        return self.references.pipeline_of(deal)

    def found(self, row: Planned) -> Sequence[Any]:
        """The rows that are there already under its key."""
        return self.matches.get(row.match, ()) if row.match else ()

    def same_before(self, row: Planned) -> Any:
        """The row of the file before that will be there under its key; None for none."""
        return self.earlier.get(row.match_key or "")


async def make_plan(tx: Tx, run: Import, given: Sequence[Any], shapes: Shapes, starter: Actor) -> Plan:
    """What is to become of the first of the given rows, as many as do not depend on each other."""
    entity = Entity(run.entity)
    rows = distinct(entity, [planned(run, row) for row in given])
    is_dry = run.status == ImportStatus.CHECKING
    matches = await _matches(tx, entity, rows)
    rows = _apart(rows, matches)
    keys = [row.match_key for row in rows if row.match_key and row.match and row.match not in matches]
    names = [str(row.fields["name"]) for row in rows if row.unique_key(entity)]
    first = rows[0].number
    # As who deletes one does: the definitions first, then the rows, of which none is locked before the last moment.
    fields = await custom_fields.hold(tx, run.org_id, FieldEntity(entity.value))
    targets = (
        [found[0].id for found in matches.values() if len(found) == 1]
        if run.duplicate_policy == DuplicatePolicy.UPDATE
        else []
    )
    known = await import_lookups.targets(tx, KINDS[entity].row_type, targets)
    plan = Plan(
        tx=tx,
        run=run,
        shapes=shapes,
        rows=rows,
        organisation=await organisations.get(tx.session, run.org_id),
        references=await look_up(tx, entity, rows, known.values(), starter, is_dry=is_dry),
        matches=matches,
        names=await import_lookups.matches(tx, entity, "name", names) if entity is Entity.COMPANY else {},
        earlier=await imports.earlier_matches(tx, run, first, keys) if is_dry and keys else {},
        earlier_names=await imports.earlier_names(tx, run, first, [name.lower() for name in names])
        if is_dry and names
        else {},
        fields=fields,
        targets=known,
    )
    for place, row in enumerate(rows):
        _decide(plan, row)
        if place % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
    return plan


def _apart(rows: Sequence[Planned], matches: Matches) -> Sequence[Planned]:
    """The first of these rows of which no two are the same one that is there, by whatever key each of them says so."""
    seen: set[UUID] = set()
    for place, row in enumerate(rows):
        found = {each.id for each in matches.get(row.match, ())} if row.match else set()
        if not seen.isdisjoint(found):
            return rows[:place]
        seen |= found
    return rows


async def _matches(tx: Tx, entity: Entity, rows: Sequence[Planned]) -> Matches:
    wanted: dict[str, list[str]] = {}
    for row in rows:
        if row.match:
            wanted.setdefault(row.match[0], []).append(row.match[1])
    return {
        (name, value): there
        for name, values in wanted.items()
        for value, there in (await import_lookups.matches(tx, entity, name, values)).items()
    }


def _decide(plan: Plan, row: Planned) -> None:
    """The verdict on a row, with whatever is wrong with it."""
    found, earlier = plan.found(row), plan.same_before(row)
    policy = DuplicatePolicy(plan.run.duplicate_policy or DuplicatePolicy.CREATE)
    if found:
        row.duplicate = {"id": str(found[0].id), "name": found[0].label, "count": len(found)}
    elif earlier is not None:
        row.duplicate = {"row": earlier.number}
    elif row.match and row.match[0] == "id":
        row.refuse("id", "is not here, or is archived")
    if row.duplicate and policy is DuplicatePolicy.SKIP:
        row.conclude(Verdict.SKIP)
        return
    if row.duplicate and len(found) > 1:
        row.refuse(row.match[0] if row.match else "row", "matches several rows")
    try:
        if row.duplicate:
            _become(plan, row, found, earlier)
        else:
            row.entity = plan.kind.make(plan, _validated(plan, row, plan.shapes.new))
        plan.references.check_buyer(row)
    except _Wrong:
        pass
    except AppError as refused:
        _blame(row, refused)
    _check_name(plan, row)
    row.conclude(Verdict.UPDATE if row.duplicate else Verdict.CREATE)
    if row.company is not None and row.verdict is not Verdict.INVALID:
        plan.references.companies[row.company.name.lower()] = row.company.id


def _become(plan: Plan, row: Planned, found: Sequence[Any], earlier: Any) -> None:
    """What a row that is there becomes; of one that only the file has, as far as it can be known."""
    if found:
        row.target = plan.targets.get(found[0].id)  # none where there are several
        values = _validated(plan, row, plan.shapes.known)
        row.entity = copy_of(row.target)
        row.action = plan.kind.change(plan, row.entity, values)
        return
    before = planned(plan.run, earlier)
    plan.references.resolve(before, is_told=False)
    made = plan.shapes.new(_fields(before))
    row.entity = plan.kind.make(plan, made)
    row.action = plan.kind.change(plan, row.entity, _validated(plan, row, plan.shapes.known))


class _Wrong(Exception):
    """The row has problems, which are noted."""


def _validated(plan: Plan, row: Planned, shape: Shape) -> Values:
    plan.references.resolve(row)
    try:
        values = dict(shape(_fields(row)))
    except ValidationError as refused:
        for error in refused.errors():
            place = [str(each) for each in error["loc"]] or ["row"]
            name = _NAMES.get(place[0], ".".join(place))
            if all(problem["field"] != name for problem in row.problems):
                row.refuse(name, _issue(error))
        raise _Wrong from None
    if row.problems:
        raise _Wrong
    if "tags" in row.fields:
        values["tags"] = row.fields["tags"]
    custom = _custom(plan, row, is_new=shape is plan.shapes.new)
    if row.problems:
        raise _Wrong
    return values | ({CUSTOM: custom} if custom else {})


def _custom(plan: Plan, row: Planned, *, is_new: bool) -> dict[str, Any]:
    """The values of an organisation's own fields, as rows keep them."""
    given: Mapping[str, str] = row.fields.get("customFields", {})
    found: dict[str, Any] = {}
    for key, text in given.items():
        if key not in plan.fields:
            row.refuse(f"cf.{key}", "is not a known field")
            continue
        try:
            found[key] = read(plan.fields[key], text)
        except ValueError as wrong:
            row.refuse(f"cf.{key}", str(wrong))
    if is_new:
        for key, field in plan.fields.items():
            if field.required and key not in given:
                row.refuse(f"cf.{key}", "is required")
    return found


_NAMES = {"ownerUserId": "owner", "companyId": "company", "contactId": "contact"}
_APART = frozenset({"id", "owner", "company", "contact", "tags", "customFields"})


def _fields(row: Planned) -> dict[str, Any]:
    return {name: value for name, value in row.fields.items() if name not in _APART}


def _check_name(plan: Plan, row: Planned) -> None:
    """A company's name is its own among the live ones, those that come with the file included."""
    name = row.fields.get("name")
    if plan.entity is not Entity.COMPANY or name is None or row.problems:
        return
    own_id = row.target.id if row.target is not None else None
    holders = [each for each in plan.names.get(str(name), ()) if each.id != own_id]
    before = plan.earlier_names.get(str(name).lower())
    is_itself = before is not None and before.match_key is not None and before.match_key == row.match_key
    if holders:
        row.duplicate = {"id": str(holders[0].id), "name": holders[0].label}
    elif before is not None and not is_itself:
        row.duplicate = {"row": before.number}
    else:
        return
    row.refuse("name", "There is a company of that name.")


def _blame(row: Planned, refused: AppError) -> None:
    """What a refusal says, about the fields that it names."""
    if isinstance(refused.details, list):
        row.problems += [dict(each) for each in refused.details]
        return
    details = refused.details if isinstance(refused.details, dict) else {}
    row.refuse(_NAMES.get(str(details.get("field")), str(details.get("field", "row"))), refused.message)


def _issue(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


def copy_of(row: Any) -> Any:
    """The same row as an object of its own, to be changed without changing it."""
    return type(row)(**{each.key: getattr(row, each.key) for each in inspect(type(row)).column_attrs})
