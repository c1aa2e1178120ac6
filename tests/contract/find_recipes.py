"""Requests of sales that search, compare, merge and do many things at once."""

from tests.contract.calls import Call, Recipe, at
from tests.contract.organisations import Json, Organisation


async def _twin(org: Organisation) -> Json:
    body = {"name": org.name("Company"), "email": f"office@{org.mark}.example"}
    made: Json = await org.post("/companies", body)
    return made


async def _duplicates(org: Organisation) -> Call:
    await _twin(org)
    await _twin(org)
    return Call("/companies/duplicates")


def _merge(path: str) -> Recipe:
    async def call(org: Organisation) -> Call:
        return Call(path, {"survivorId": (await _twin(org))["id"], "mergedId": (await _twin(org))["id"]})

    return call


async def _revert(org: Organisation) -> Call:
    wanted = await _merge("/companies/merge")(org)
    done: Json = await org.post(wanted.path, wanted.body)
    return Call(f"/companies/merges/{done['mergeId']}/revert")


def _batch(path: str, **fields: str) -> Recipe:
    """One new row of a kind; a deal belongs to a new company and to the owner."""

    async def call(org: Organisation) -> Call:
        data = {name: org.name(value) for name, value in fields.items()}
        if path == "/deals":
            data |= {"companyId": (await _twin(org))["id"], "ownerUserId": str(org.owner.id)}
        return Call(f"{path}/batch", {"operations": [{"op": "create", "data": data}]})

    return call


FIND_RECIPES: dict[str, Recipe] = {
    "search.search": at("/search?q=mark"),
    "companies.searchDuplicates": _duplicates,
    "companies.merge": _merge("/companies/merge"),
    "companies.previewMerging": _merge("/companies/merge/preview"),
    "companies.revertMerging": _revert,
    "companies.batch": _batch("/companies", name="Company"),
    "contacts.batch": _batch("/contacts", name="Contact"),
    "leads.batch": _batch("/leads", title="Lead"),
    "deals.batch": _batch("/deals", title="Deal"),
}
