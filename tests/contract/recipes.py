"""For every operation a request that succeeds when the owner of an organisation sends it, on rows of its own."""

from uuid import UUID, uuid4

from tests.contract.calls import Call, Recipe, at, on
from tests.contract.factor_recipes import FACTOR_RECIPES
from tests.contract.files_recipes import FILES_RECIPES
from tests.contract.find_recipes import FIND_RECIPES
from tests.contract.labels_recipes import labels_recipes
from tests.contract.organisations import Json, Organisation
from tests.contract.own_recipes import OWN_RECIPES
from tests.contract.pipeline_recipes import PIPELINE_RECIPES
from tests.contract.platform_recipes import PLATFORM_RECIPES

from identity.domain.mail_links import LinkKind
from identity.domain.roles import Role

FAR = "2199-12-31"
ADDRESS = {"line1": "Hafen 1", "postalCode": "20457", "city": "Hamburg", "country": "DE"}
JOB = "reporting.compute-health-score"
LEGAL = {
    "legalName": "Mark Works GmbH",
    "address": ADDRESS,
    "vatId": "DE123456789",
    "email": "office@mark.example",
}


# ------------------------------------------------------------------------------------------------------ rows


async def member(org: Organisation) -> Json:
    """Somebody invited."""
    body = {"name": org.name("Person"), "email": f"{uuid4().hex}@{org.mark}.example", "role": "SALES"}
    invited: Json = await org.post("/users", body)
    return invited


async def invitation(org: Organisation) -> Json:
    """An invitation that nobody has accepted."""
    body = {"email": f"{uuid4().hex}@{org.mark}.example", "role": "SALES"}
    invited: Json = await org.post("/org/invite", body)
    return invited


async def own_role(org: Organisation) -> Json:
    """A role that nobody has."""
    body = {"key": f"R_{uuid4().hex[:8]}", "name": org.name("Role"), "permissions": ["deals:read"]}
    made: Json = await org.post("/roles", body)
    return made


async def api_key(org: Organisation) -> Json:
    """A key that may see companies and deals."""
    body = {"name": org.name("Key"), "scopes": ["companies:read", "deals:read"]}
    made: Json = await org.post("/org/api-tokens", body)
    return made


async def company(org: Organisation) -> Json:
    """A company."""
    made: Json = await org.post(
        "/companies", {"name": org.name("Company"), "email": "buyer@customer.example"}
    )
    return made


async def contact(org: Organisation) -> Json:
    """A contact of a company."""
    made: Json = await org.post(
        "/contacts", {"name": org.name("Contact"), "companyId": (await company(org))["id"]}
    )
    return made


async def lead(org: Organisation) -> Json:
    """A new lead."""
    made: Json = await org.post(
        "/leads", {"title": org.name("Lead"), "companyId": (await company(org))["id"]}
    )
    return made


async def deal(org: Organisation) -> Json:
    """An open deal."""
    body = {
        "title": org.name("Deal"),
        "companyId": (await company(org))["id"],
        "ownerUserId": str(org.owner.id),
        "valueAmount": "100.00",
    }
    made: Json = await org.post("/deals", body)
    return made


async def item(org: Organisation) -> Json:
    """A work item to do."""
    body = {"title": org.name("Item"), "assignedToUserId": str(org.owner.id), "dueDate": FAR}
    made: Json = await org.post("/work-items", body)
    return made


async def invoice(org: Organisation) -> Json:
    """A draft."""
    body = {
        "companyId": (await company(org))["id"],
        "dueDate": FAR,
        "amount": "100.00",
        "notes": org.name("Note"),
    }
    made: Json = await org.post("/invoices", body)
    return made


async def sent_invoice(org: Organisation) -> Json:
    """An invoice that its buyer has."""
    made = await invoice(org)
    sent: Json = await org.post(f"/invoices/{made['id']}/send")
    return sent


async def notification(org: Organisation) -> Json:
    """Something the owner was told: the admin has given them a lead."""
    body = {"title": org.name("Lead"), "ownerUserId": str(org.owner.id)}
    given = await org.post("/leads", body, role=Role.ADMIN)
    await org.platform.carry(org.id, about=given["id"])
    told: list[Json] = (await org.get("/notifications?pageSize=100"))["items"]
    return next(each for each in told if each["entityId"] == given["id"])


# --------------------------------------------------------------------------------------------------- requests


async def _invite(org: Organisation) -> Call:
    body = {"name": org.name("Person"), "email": f"{uuid4().hex}@{org.mark}.example", "role": "SALES"}
    return Call("/users", body)


async def _invite_by_mail(org: Organisation) -> Call:
    return Call("/org/invite", {"email": f"{uuid4().hex}@{org.mark}.example", "role": "SALES"})


async def offer(org: Organisation) -> Call:
    """What the link of an invitation leads to; the text of the link goes to a mailbox alone."""
    seals = org.platform.place.reception.seals
    token = seals.mail_token(LinkKind.INVITATION, UUID((await invitation(org))["id"]), 1)
    return Call(f"/auth/invitations/{token}")


async def accept(org: Organisation) -> Call:
    """Somebody who has no account yet joins."""
    return Call(f"{(await offer(org)).path}/accept", {"name": org.name("Person"), "password": uuid4().hex})


async def _transfer(org: Organisation) -> Call:
    heir = await org.platform.place.join(Role.DIRECTOR, at=org.owner)
    await org.platform.place.change_member(
        org.owner, role=Role.OWNER
    )  # whoever got it last time gives it back
    return Call("/org/transfer-ownership", {"userId": str(heir.id)})


async def _delete(org: Organisation) -> Call:
    return Call("/org/delete", {"confirm": org.owner.slug})


async def _new_role(org: Organisation) -> Call:
    body = {"key": f"R_{uuid4().hex[:8]}", "name": org.name("Role"), "permissions": ["deals:read"]}
    return Call("/roles", body)


async def _override(org: Organisation) -> Call:
    before: Json = await org.get("/roles/VIEWER/overrides")
    denies = (
        ["jobs:run"] if before["denies"] == ["jobs:read"] else ["jobs:read"]
    )  # which no viewer has anyway
    return Call("/roles/VIEWER/overrides", {"grants": [], "denies": denies})


async def _explain(org: Organisation) -> Call:
    return Call(f"/authz/explain?userId={org.owner.id}&permission=deals:read")


async def _prefer(_org: Organisation) -> Call:
    return Call("/settings/preferences", {"compactNav": True, "theme": uuid4().hex})


async def _found(_org: Organisation) -> Call:
    return Call("/orgs", {"name": f"Another {uuid4().hex}"})


async def _organisation(org: Organisation) -> Call:
    return Call("/org", {"name": org.name("Works"), "timeZone": "Europe/Berlin"})


async def _legal_profile(org: Organisation) -> Call:
    return Call("/org/legal", LEGAL | {"legalName": f"{org.name('Works')} GmbH"})


def _flip(kind: str, code: str) -> Recipe:
    """The other way round than it is."""

    async def call(org: Organisation) -> Call:
        known: Json = await org.get("/settings/modules")
        is_on = next(each["isEnabled"] for each in known[kind] if each["code"] == code)
        return Call(f"/settings/{kind}/{code}", {"enabled": not is_on})

    return call


def _reset(kind: str, code: str) -> Recipe:
    """Back to the template, from something else."""

    async def call(org: Organisation) -> Call:
        switched = await _flip(kind, code)(org)
        client = await org.client()
        await client.patch(switched.url, json=switched.body)
        return Call(switched.path)

    return call


async def _policies(org: Organisation) -> Call:
    policies: Json = await org.get("/settings/policies")
    return Call(
        "/settings/policies", policies | {"staleDealAfterDays": policies["staleDealAfterDays"] % 30 + 1}
    )


async def _new_key(org: Organisation) -> Call:
    return Call("/org/api-tokens", {"name": org.name("Key"), "scopes": ["deals:read"]})


async def _new_company(org: Organisation) -> Call:
    return Call("/companies", {"name": org.name("Company"), "ownerUserId": str(org.owner.id)})


async def _new_contact(org: Organisation) -> Call:
    body = {
        "name": org.name("Contact"),
        "companyId": (await company(org))["id"],
        "ownerUserId": str(org.owner.id),
    }
    return Call("/contacts", body)


async def _new_lead(org: Organisation) -> Call:
    body = {
        "title": org.name("Lead"),
        "companyId": (await company(org))["id"],
        "ownerUserId": str(org.owner.id),
    }
    return Call("/leads", body)


async def _convert(org: Organisation) -> Call:
    made = await lead(org)
    return Call(f"/leads/{made['id']}/convert-to-deal", {"ownerUserId": str(org.owner.id)})


async def _new_deal(org: Organisation) -> Call:
    body = {
        "title": org.name("Deal"),
        "companyId": (await company(org))["id"],
        "ownerUserId": str(org.owner.id),
    }
    return Call("/deals", body)


async def _new_item(org: Organisation) -> Call:
    return Call(
        "/work-items", {"title": org.name("Item"), "assignedToUserId": str(org.owner.id), "dueDate": FAR}
    )


async def _new_invoice(org: Organisation) -> Call:
    return Call("/invoices", {"companyId": (await company(org))["id"], "dueDate": FAR, "amount": "100.00"})


async def _pay(org: Organisation) -> Call:
    made = await sent_invoice(org)
    body = {"amount": "40.00", "method": "cash"}
    return Call(f"/invoices/{made['id']}/payments", body, {"idempotency-key": uuid4().hex})


async def _run(org: Organisation) -> Call:
    run: Json = await org.post("/jobs/run", {"name": JOB})
    return Call(f"/jobs/runs/{run['id']}")


RECIPES: dict[str, Recipe] = {
    **OWN_RECIPES,
    **PIPELINE_RECIPES,
    **FACTOR_RECIPES,
    **FIND_RECIPES,
    **PLATFORM_RECIPES,
    **labels_recipes({"company": company, "contact": contact, "lead": lead, "deal": deal}),
    **FILES_RECIPES,
    # identity
    "keys.read": at("/.well-known/jwks.json"),
    "permissions.list": at("/permissions"),
    "users.search": at("/users"),
    "users.invite": _invite,
    "users.read": on(member, "/users/{id}"),
    "users.change": on(member, "/users/{id}", {"title": "Trainee"}),
    "users.assign": on(member, "/users/{id}/roles", {"role": "OPS"}),
    "members.change": on(member, "/org/members/{id}", {"role": "FINANCE"}),
    "members.remove": on(member, "/org/members/{id}"),
    "ownership.transfer": _transfer,
    "ownership.delete": _delete,
    "invitations.create": _invite_by_mail,
    "invitations.search": at("/org/invitations"),
    "invitations.read": on(invitation, "/org/invitations/{id}"),
    "invitations.resend": on(invitation, "/org/invitations/{id}/resend"),
    "invitations.revoke": on(invitation, "/org/invitations/{id}"),
    "auth.readInvitation": offer,
    "auth.acceptInvitation": accept,
    "roles.list": at("/roles"),
    "roles.create": _new_role,
    "roles.read": on(own_role, "/roles/{id}"),
    "roles.change": on(own_role, "/roles/{id}", {"permissions": ["deals:read", "leads:read"]}),
    "roles.delete": on(own_role, "/roles/{id}"),
    "roles.readOverrides": at("/roles/VIEWER/overrides"),
    "roles.override": _override,
    "authz.readExplanation": _explain,
    "organisations.readUsage": at("/org/usage"),
    "preferences.read": at("/settings/preferences"),
    "preferences.replace": _prefer,
    "users.deactivate": on(member, "/users/{id}/deactivate"),
    "users.reactivate": on(member, "/users/{id}/reactivate", None, "deactivate"),
    "members.search": at("/org/members"),
    "directory.list": at("/directory/users"),
    "organisations.create": _found,
    "organisations.read": at("/org"),
    "organisations.change": _organisation,
    "organisations.replaceLegalProfile": _legal_profile,
    "policies.readPolicies": at("/settings/policies"),
    "policies.replace": _policies,
    "modules.read": at("/settings/modules"),
    "modules.switch": _flip("modules", "catalog"),
    "modules.reset": _reset("modules", "stock"),
    "modules.switchFeature": _flip("features", "preferences"),
    "modules.resetFeature": _reset("features", "custom-roles"),
    "apiKeys.search": at("/org/api-tokens"),
    "apiKeys.create": _new_key,
    "apiKeys.read": on(api_key, "/org/api-tokens/{id}"),
    "apiKeys.rotate": on(api_key, "/org/api-tokens/{id}/rotate"),
    "apiKeys.revoke": on(api_key, "/org/api-tokens/{id}"),
    # sales
    "companies.search": at("/companies"),
    "companies.create": _new_company,
    "companies.read": on(company, "/companies/{id}"),
    "companies.change": on(company, "/companies/{id}", {"industry": "Fences"}),
    "companies.archive": on(company, "/companies/{id}/archive"),
    "companies.restore": on(company, "/companies/{id}/restore", None, "archive"),
    "companies.searchContacts": on(company, "/companies/{id}/contacts"),
    "companies.readActivity": on(company, "/companies/{id}/activity"),
    "contacts.search": at("/contacts"),
    "contacts.create": _new_contact,
    "contacts.read": on(contact, "/contacts/{id}"),
    "contacts.change": on(contact, "/contacts/{id}", {"title": "Head of fences"}),
    "contacts.archive": on(contact, "/contacts/{id}/archive"),
    "contacts.restore": on(contact, "/contacts/{id}/restore", None, "archive"),
    "contacts.readActivity": on(contact, "/contacts/{id}/activity"),
    "leads.search": at("/leads"),
    "leads.create": _new_lead,
    "leads.read": on(lead, "/leads/{id}"),
    "leads.change": on(lead, "/leads/{id}", {"source": "fair"}),
    "leads.qualify": on(lead, "/leads/{id}/qualify"),
    "leads.disqualify": on(lead, "/leads/{id}/disqualify", {"reason": "no budget"}),
    "leads.reopen": on(lead, "/leads/{id}/reopen", None, "qualify"),
    "leads.archive": on(lead, "/leads/{id}/archive"),
    "leads.restore": on(lead, "/leads/{id}/restore", None, "archive"),
    "leads.convertToDeal": _convert,
    "leads.readActivity": on(lead, "/leads/{id}/activity"),
    "deals.search": at("/deals"),
    "deals.create": _new_deal,
    "deals.read": on(deal, "/deals/{id}"),
    "deals.change": on(deal, "/deals/{id}", {"valueAmount": "200.00"}),
    "deals.markWon": on(deal, "/deals/{id}/mark-won", {"reason": "the best offer"}),
    "deals.markLost": on(deal, "/deals/{id}/mark-lost", {"reason": "too dear"}),
    "deals.reopen": on(deal, "/deals/{id}/reopen", None, "mark-won"),
    "deals.archive": on(deal, "/deals/{id}/archive"),
    "deals.restore": on(deal, "/deals/{id}/restore", None, "archive"),
    "deals.readTimeline": on(deal, "/deals/{id}/timeline"),
    "deals.readActivity": on(deal, "/deals/{id}/activity"),
    # work
    "workItems.search": at("/work-items"),
    "workItems.create": _new_item,
    "workItems.read": on(item, "/work-items/{id}"),
    "workItems.change": on(item, "/work-items/{id}", {"priority": 1}),
    "workItems.transition": on(item, "/work-items/{id}/transition", {"status": "IN_PROGRESS"}),
    "workItems.complete": on(item, "/work-items/{id}/complete"),
    "workItems.reopen": on(item, "/work-items/{id}/reopen", None, "complete"),
    "workItems.readActivity": on(item, "/work-items/{id}/activity"),
    # billing
    "invoices.search": at("/invoices"),
    "invoices.create": _new_invoice,
    "invoices.read": on(invoice, "/invoices/{id}"),
    "invoices.download": on(sent_invoice, "/invoices/{id}.pdf"),
    "invoices.change": on(invoice, "/invoices/{id}", {"amount": "120.00"}),
    "invoices.send": on(invoice, "/invoices/{id}/send"),
    "invoices.unlock": on(sent_invoice, "/invoices/{id}/unlock", {"reason": "a typing error"}),
    "invoices.void": on(sent_invoice, "/invoices/{id}/void", {"reason": "sent twice"}),
    "invoices.markPaid": on(sent_invoice, "/invoices/{id}/mark-paid", {"method": "cash"}),
    "invoices.readActivity": on(invoice, "/invoices/{id}/activity"),
    "payments.search": on(sent_invoice, "/invoices/{id}/payments"),
    "payments.record": _pay,
    # notifications
    "notifications.search": at("/notifications"),
    "notifications.countUnread": at("/notifications/unread-count"),
    "notifications.feed": at("/feed"),
    "notifications.read": on(notification, "/notifications/{id}/read"),
    "notifications.readAll": at("/notifications/read-all"),
    # reporting
    "ceo.readHealthScore": at("/ceo/health-score"),
    "ceo.explainHealthScore": at("/ceo/health-score/explain"),
    "ceo.listHealthScores": at("/ceo/health-score/history"),
    "dashboard.readCeo": at("/dashboard/ceo"),
    "hygiene.inbox": at("/hygiene/inbox"),
    "audit.search": at("/audit"),
    "audit.verify": at("/audit/verify"),
    "audit.export": at("/audit/export.csv"),
    "jobs.computeHealthScore": at("/jobs/compute-health-score"),
    "jobs.search": at("/jobs"),
    "jobs.run": at("/jobs/run", {"name": JOB}),
    "jobs.listRuns": at(f"/jobs/runs?name={JOB}"),
    "jobs.readRun": _run,
}
