"""Requests about pipelines, the board and public forms."""

from tests.contract.calls import Call, Recipe, at, on
from tests.contract.organisations import Json, Organisation

STAGES = [
    {"key": "first", "name": "First", "position": 1, "winProbability": 20},
    {"key": "last", "name": "Last", "position": 2, "winProbability": 80},
]


async def pipeline(org: Organisation) -> Json:
    """A pipeline that is not the default one."""
    made: Json = await org.post("/pipelines", {"name": org.name("Pipeline"), "stages": STAGES})
    return made


async def form(org: Organisation) -> Json:
    """A public form, with its token."""
    body = {"name": org.name("Form"), "defaults": {"ownerUserId": str(org.owner.id), "tags": ["site"]}}
    made: Json = await org.post("/forms", body)
    return made


async def _open_deal(org: Organisation) -> Json:
    company = await org.post("/companies", {"name": org.name("Company")})
    body = {"title": org.name("Deal"), "companyId": company["id"], "ownerUserId": str(org.owner.id)}
    made: Json = await org.post("/deals", body)
    return made


async def _new_pipeline(org: Organisation) -> Call:
    return Call("/pipelines", {"name": org.name("Pipeline"), "stages": STAGES})


async def _new_form(org: Organisation) -> Call:
    body = {"name": org.name("Form"), "defaults": {"ownerUserId": str(org.owner.id), "tags": ["site"]}}
    return Call("/forms", body)


async def _submit(org: Organisation) -> Call:
    token = (await form(org))["token"]
    return Call(f"/forms/{token}", {"name": org.name("Visitor"), "email": "visitor@customer.example"})


PIPELINE_RECIPES: dict[str, Recipe] = {
    "deals.board": at("/deals/board"),
    "deals.move": on(_open_deal, "/deals/{id}/move", {"pipelineStage": "proposal"}),
    "deals.readStageHistory": on(_open_deal, "/deals/{id}/stage-history"),
    "pipelines.search": at("/pipelines"),
    "pipelines.create": _new_pipeline,
    "pipelines.read": on(pipeline, "/pipelines/{id}"),
    "pipelines.change": on(pipeline, "/pipelines/{id}", {"name": "Renewals"}),
    "forms.search": at("/forms"),
    "forms.create": _new_form,
    "forms.read": on(form, "/forms/{id}"),
    "forms.change": on(form, "/forms/{id}", {"defaults": {"source": "fair"}}),
    "forms.delete": on(form, "/forms/{id}"),
    "forms.submit": _submit,
}
