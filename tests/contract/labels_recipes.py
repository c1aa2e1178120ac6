"""Requests to the doors of notes, tags, custom fields and views."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

from tests.contract.calls import Call, Recipe, at, on
from tests.contract.organisations import Json, Organisation

Row = Callable[[Organisation], Awaitable[Json]]
KINDS = {"Company": "companies", "Contact": "contacts", "Lead": "leads", "Deal": "deals"}


async def note(org: Organisation) -> Json:
    """A note on a company."""
    company = await org.post("/companies", {"name": org.name("Company")})
    made: Json = await org.post(f"/companies/{company['id']}/notes", {"body": org.name("Note")})
    return made


async def tag(org: Organisation) -> Json:
    """A tag that no row carries."""
    made: Json = await org.post("/tags", {"name": org.name("Tag")})
    return made


async def custom_field(org: Organisation) -> Json:
    """A field of work items, which no other recipe fills."""
    made: Json = await org.post("/custom-fields", _field(org))
    return made


async def view(org: Organisation) -> Json:
    """A view of the owner's own."""
    made: Json = await org.post("/views", _view(org))
    return made


def _field(org: Organisation) -> Json:
    return {
        "entity": "workItem",
        "key": f"f_{uuid4().hex}",
        "name": org.name("Field"),
        "type": "select",
        "options": ["a", "b"],
    }


def _view(org: Organisation) -> Json:
    return {"name": org.name("View"), "entity": "deal", "filters": {"stage": "OPEN"}, "sortBy": "title"}


def _noted(row: Row, path: str) -> Recipe:
    """The notes of a row that has one."""

    async def call(org: Organisation) -> Call:
        found = await row(org)
        await org.post(f"/{path}/{found['id']}/notes", {"body": org.name("Note")})
        return Call(f"/{path}/{found['id']}/notes")

    return call


def _noting(row: Row, path: str) -> Recipe:
    async def call(org: Organisation) -> Call:
        found = await row(org)
        body = {"body": f"@[Olga]({org.owner.id}) {org.name('Note')}"}
        return Call(f"/{path}/{found['id']}/notes", body)

    return call


async def _new_tag(org: Organisation) -> Call:
    return Call("/tags", {"name": org.name("Tag"), "colour": "#1f6feb"})


async def _new_field(org: Organisation) -> Call:
    return Call("/custom-fields", _field(org))


async def _new_view(org: Organisation) -> Call:
    return Call("/views", _view(org))


def labels_recipes(rows: Mapping[str, Row]) -> dict[str, Recipe]:
    """The recipes, for rows of each kind as they are made elsewhere."""
    found: dict[str, Recipe] = {
        "notes.read": on(note, "/notes/{id}"),
        "notes.change": on(note, "/notes/{id}", {"body": "Other"}),
        "notes.delete": on(note, "/notes/{id}"),
        "tags.search": at("/tags"),
        "tags.create": _new_tag,
        "tags.read": on(tag, "/tags/{id}"),
        "tags.change": on(tag, "/tags/{id}", {"colour": "#00ff00"}),
        "tags.delete": on(tag, "/tags/{id}"),
        "customFields.search": at("/custom-fields"),
        "customFields.create": _new_field,
        "customFields.read": on(custom_field, "/custom-fields/{id}"),
        "customFields.change": on(custom_field, "/custom-fields/{id}", {"name": "Other"}),
        "customFields.delete": on(custom_field, "/custom-fields/{id}"),
        "views.search": at("/views"),
        "views.create": _new_view,
        "views.read": on(view, "/views/{id}"),
        "views.change": on(view, "/views/{id}", {"filters": {}}),
        "views.delete": on(view, "/views/{id}"),
    }
    for kind, path in KINDS.items():
        row = rows[kind.lower()]
        found[f"notes.searchOf{kind}"] = _noted(row, path)
        found[f"notes.addTo{kind}"] = _noting(row, path)
        found[f"tags.replaceOf{kind}"] = on(row, f"/{path}/{{id}}/tags", {"tags": ["VIP"]})
    return found
