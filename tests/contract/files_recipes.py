"""Requests about files: imports and exports of sales."""

from tests.contract.calls import Call, Recipe, at, on
from tests.contract.organisations import API, Json, Organisation

BOUNDARY = "a-boundary"
MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(text: str, file_name: str = "rows.csv", entity: str = "company") -> bytes:
    """The body of an upload."""
    parts = (
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="entity"\r\n\r\n{entity}\r\n',
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="{file_name}"\r\n\r\n{text}\r\n',
        f"--{BOUNDARY}--\r\n",
    )
    return "".join(parts).encode()


async def _upload(org: Organisation) -> Call:
    return Call("/imports", None, dict(MULTIPART), form(f"Name\n{org.name('Company')}\n", f"{org.mark}.csv"))


async def uploaded(org: Organisation) -> Json:
    """A file of one company and a row that is invalid, with the organisation's mark in its name."""
    name = org.name("Company")
    content = form(f"Name,Email\n{name},\n{name} two,{org.mark}\n", f"{org.mark}.csv")
    answer = await (await org.client()).post(f"{API}/imports", content=content, headers=MULTIPART)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def mapped(org: Organisation) -> Json:
    """The same, its columns mapped."""
    run = await uploaded(org)
    body = {"mapping": {"name": "Name", "email": "Email"}}
    answer = await (await org.client()).put(f"{API}/imports/{run['id']}/mapping", json=body)
    assert answer.status_code == 200, answer.text
    return run


async def _ran(org: Organisation, action: str) -> Json:
    run = await mapped(org)
    await org.post(f"/imports/{run['id']}/{action}")
    await _work(org)
    return run


async def checked(org: Organisation) -> Json:
    """The same, looked through."""
    return await _ran(org, "dry-run")


async def applied(org: Organisation) -> Json:
    """The same, applied."""
    return await _ran(org, "apply")


async def _work(org: Organisation) -> None:
    """What sales has deferred for the organisation is done."""
    stand = org.platform.stands["sales"]
    before, stand.org_id = stand.org_id, org.id
    try:
        await stand.run_deferred()
    finally:
        stand.org_id = before


def _mapping() -> Json:
    return {"mapping": {"name": "Name"}, "duplicatePolicy": "update", "matchBy": ["name"]}


async def _map(org: Organisation) -> Call:
    return Call(f"/imports/{(await uploaded(org))['id']}/mapping", _mapping())


FILES_RECIPES: dict[str, Recipe] = {
    "imports.search": at("/imports"),
    "imports.create": _upload,
    "imports.read": on(uploaded, "/imports/{id}"),
    "imports.replaceMapping": _map,
    "imports.dryRun": on(mapped, "/imports/{id}/dry-run"),
    "imports.apply": on(mapped, "/imports/{id}/apply"),
    "imports.revert": on(applied, "/imports/{id}/revert"),
    "imports.searchRows": on(checked, "/imports/{id}/rows"),
    "imports.readErrors": on(checked, "/imports/{id}/errors.csv"),
    "imports.readActivity": on(uploaded, "/imports/{id}/activity"),
    "exports.readCompanies": at("/exports/companies.csv"),
    "exports.readContacts": at("/exports/contacts.csv"),
    "exports.readLeads": at("/exports/leads.csv"),
    "exports.readDeals": at("/exports/deals.csv"),
}
