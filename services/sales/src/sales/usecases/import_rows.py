"""What a row of a file says: its cells by field, and the keys by which it may be there already."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chassis.cells import DANGEROUS
from chassis.text import as_line, as_text
from sales.domain.import_cells import READ
from sales.domain.import_fields import NAMES, full_name
from sales.domain.imports import DuplicatePolicy, Entity, Import, Verdict
from sales.domain.vat import plain_vat_id

MAX_KEY = 300
LINES = frozenset({"name", "firstName", "lastName", "title", "company", "tags"})
"""What is a name, on one line."""
Problem = dict[str, Any]


@dataclass(slots=True)
class Planned:
    """One row of a file and what is to become of it."""

    number: int
    fields: dict[str, Any]
    """What its cells say, by API name; `custom_fields` and `address` are objects."""
    problems: list[Problem] = field(default_factory=list)
    match: tuple[str, str] | None = None
    """The field and the value by which it is looked for."""
    verdict: Verdict | None = None
    duplicate: dict[str, Any] | None = None
    entity: Any = None
    """What is made of it, or what becomes of the row that is there."""
    action: str = "UPDATE"
    """The command that makes the row that is there become so, after its fields."""
    target: Any = None
    company: Any = None
    """The company that is made for it."""
    before: dict[str, Any] | None = None
    version: int | None = None

    @property
    def subject(self) -> Any:
        """The row that it is about."""
        return self.target if self.target is not None else self.entity

    @property
    def match_key(self) -> str | None:
        """By what an earlier row of the file is found to be the same."""
        return self.match and shortened(f"{self.match[0]}:{self.match[1].lower()}")

    def refuse(self, name: str, *issues: str) -> None:
        """Something is wrong with one of its fields."""
        self.problems.append({"field": name, "issues": list(issues)})

    def conclude(self, verdict: Verdict) -> None:
        """What becomes of it, unless something is wrong."""
        self.verdict = Verdict.INVALID if self.problems else verdict

    def settled(self, entity: Entity, *, is_applied: bool) -> dict[str, Any]:
        """As it is kept."""
        is_there = is_applied and self.verdict in {Verdict.CREATE, Verdict.UPDATE}
        return {
            "number": self.number,
            "verdict": self.verdict,
            "problems": self.problems or None,
            "duplicate": self.duplicate,
            "match_key": self.match_key,
            "unique_key": self.unique_key(entity)
            if self.verdict in {Verdict.CREATE, Verdict.UPDATE}
            else None,
            "entity_id": self.subject.id if is_there else None,
            "entity_version": self.version if is_there else None,
            "company_id": self.company.id if is_there and self.company is not None else None,
            "before": self.before if is_there else None,
            "outcome": "applied" if is_there else None,
        }

    def unique_key(self, entity: Entity) -> str | None:
        """The name that only one live company has."""
        name = self.fields.get("name") if entity is Entity.COMPANY else None
        return name and shortened(str(name).lower())


def shortened(key: str) -> str:
    """A key that fits its column."""
    return key if len(key) <= MAX_KEY else f"#{hashlib.sha256(key.encode()).hexdigest()}"


def planned(run: Import, row: Any) -> Planned:
    """A row as its mapping reads it."""
    places = {column: place for place, column in enumerate(run.columns)}
    fields: dict[str, Any] = {}
    found = Planned(row.number, fields)
    for name, column in (run.mapping or {}).items():
        place = places[column]
        cell = row.cells[place] if place < len(row.cells) else None
        if cell is not None:
            _read(found, name, _unquoted(cell))
    if any(row.cells[len(run.columns) :]):
        found.refuse("row", "has more cells than there are columns")
    whole = full_name(fields.get("name"), *(fields.pop(part, None) for part in NAMES))
    fields |= {"name": whole} if whole else {}
    found.match = _match(run, fields)
    if found.match and found.match[0] == "id" and not _is_id(found.match[1]):
        found.refuse("id", "must be an id")
        found.match = None
    return found


def _read(row: Planned, name: str, cell: str) -> None:
    try:
        # As the doors keep it, so that it is found under what it will be.
        kept = as_line(cell) if name in LINES else as_text(cell)
        value = READ[name](kept) if name in READ else kept
    except ValueError as wrong:
        row.refuse(name, str(wrong))
        return
    outer, _, inner = name.partition(".")
    if not inner:
        row.fields[name] = value
    elif outer == "cf":
        row.fields.setdefault("customFields", {})[inner] = value
    else:
        row.fields.setdefault(outer, {})[inner] = value


def _match(run: Import, fields: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first of the fields to match by for which the row has a value."""
    if run.duplicate_policy == DuplicatePolicy.CREATE:
        return None
    for name in run.match_by or ():
        if name == "vatId" and name in fields:
            return name, plain_vat_id(str(fields[name]))
        if name == "title" and run.entity == Entity.DEAL and name in fields:
            return name, f"{fields[name]}\n{fields.get('company', '')}"
        if name in fields:
            return name, str(fields[name])
    return None


def _unquoted(cell: str) -> str:
    """A cell without the apostrophe that an export puts before what a spreadsheet would execute."""
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip().startswith(DANGEROUS) else cell


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def distinct(entity: Entity, rows: Sequence[Planned]) -> Sequence[Planned]:
    """The first of these rows of which no two can be the same: the next one must see what becomes of them."""
    seen: set[str] = set()
    for place, row in enumerate(rows):
        name = row.unique_key(entity)
        own = {f"m{row.match_key}" if row.match_key else "", f"u{name}" if name else ""} - {""}
        if not seen.isdisjoint(own):
            return rows[:place]
        seen |= own
    return rows
