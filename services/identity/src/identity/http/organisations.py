"""Doors about organisations, their legal profile and their policies."""

from typing import Annotated, Any

from fastapi import Depends, Response

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import API, router
from identity.domain.legal import LegalProfile
from identity.domain.permissions import Permission
from identity.domain.policies import Policies
from identity.http.guards import Desk, InSystemTx
from identity.http.organisation_schemas import (
    FoundedOut,
    LegalIn,
    LegalOut,
    OrganisationIn,
    OrganisationOut,
    OrganisationPatch,
)
from identity.http.policy_schemas import PoliciesIn, PoliciesOut
from identity.store import organisations as store
from identity.usecases.organisations import (
    change_organisation,
    create_organisation,
    replace_legal,
    replace_policies,
)

organisations = router("organisations")
policies = router("policies")

MayCreate = Annotated[Actor, Depends(Requires(Permission.ORGANISATIONS_CREATE))]
MayRead = Annotated[Actor, Depends(Requires(Permission.ORGANISATION_READ))]
MayManage = Annotated[Actor, Depends(Requires(Permission.ORGANISATION_MANAGE))]
MayReadPolicies = Annotated[Actor, Depends(Requires(Permission.POLICIES_READ))]
MayManagePolicies = Annotated[Actor, Depends(Requires(Permission.POLICIES_MANAGE))]


@organisations.post("/orgs", response_model=FoundedOut, status_code=201)
async def create(
    body: OrganisationIn, actor: MayCreate, desk: Desk, tx: InSystemTx, response: Response
) -> FoundedOut:
    """Found an organisation; the founder owns it. Switch to it to work there."""
    per_day = desk.settings.organisations_per_day
    founded = await create_organisation(tx, actor, body.name, body.slug, per_day=per_day)
    response.headers["location"] = f"{API}/org"  # where it is read, once one has switched to it
    return FoundedOut.of(founded)


@organisations.get("/org", response_model=OrganisationOut)
async def read(actor: MayRead, tx: InReadTx) -> Any:
    """The organisation one works in."""
    return await store.show(tx, actor.org_id)


@organisations.patch("/org", response_model=OrganisationOut)
async def change(body: OrganisationPatch, actor: MayManage, tx: InTx) -> OrganisationOut:
    """Change name, time zone, currency, locale, branding or settings."""
    return OrganisationOut.of(await change_organisation(tx, actor, body.changes()))


@organisations.put("/org/legal", response_model=LegalOut)
async def replace_legal_profile(body: LegalIn, actor: MayManage, tx: InTx) -> LegalProfile:
    """Replace the legal profile, which invoices show as the seller."""
    return await replace_legal(tx, actor, body.values())


@policies.get("/settings/policies", response_model=PoliciesOut)
async def read_policies(actor: MayReadPolicies, tx: InReadTx) -> Any:
    """The policies of the organisation."""
    return await store.show_policies(tx, actor.org_id)


@policies.put("/settings/policies", response_model=PoliciesOut)
async def replace(body: PoliciesIn, actor: MayManagePolicies, tx: InTx) -> Policies:
    """Replace the policies: the whole object, as it is read."""
    return await replace_policies(tx, actor, body.values_over)
