"""Doors of the platform about the hosts that lead to a tenant."""

from typing import Any
from uuid import UUID

from fastapi import Response

from chassis.http import API
from identity.domain.domains import Domain
from identity.http.guards import Desk, InSystemTx
from identity.http.platform_guards import InPlatformReading, platform_router
from identity.http.tenant_schemas import DomainIn, DomainOut, DomainsOut
from identity.store import domains, tenants
from identity.usecases.domains import add_domain, make_primary, remove_domain

tenant_domains = platform_router("tenantDomains")
DOMAINS = "/platform/tenants/{tenant_id}/domains"


@tenant_domains.get(DOMAINS, name="list", response_model=DomainsOut)
async def list_domains(tenant_id: UUID, tx: InPlatformReading) -> dict[str, Any]:
    """Its hosts, the primary one first."""
    await tenants.show(tx, tenant_id)
    return {"items": await domains.list_all(tx, tenant_id)}


@tenant_domains.post(DOMAINS, response_model=DomainOut, status_code=201)
async def add(
    tenant_id: UUID,
    body: DomainIn,
    desk: Desk,
    tx: InSystemTx,
    response: Response,
) -> Domain:
    """One host more."""
    response.headers["location"] = API + DOMAINS.format(tenant_id=tenant_id)
    return await add_domain(tx, desk.settings, tenant_id, body.host, is_primary=body.is_primary)


@tenant_domains.delete(f"{DOMAINS}/{{domain_id}}", status_code=204)
async def remove(tenant_id: UUID, domain_id: UUID, tx: InSystemTx) -> None:
    """The host leads nowhere; another one becomes the primary."""
    await remove_domain(tx, tenant_id, domain_id)


@tenant_domains.post(f"{DOMAINS}/{{domain_id}}/make-primary", response_model=DomainOut)
async def prefer(tenant_id: UUID, domain_id: UUID, tx: InSystemTx) -> Domain:
    """The host that links are made with."""
    return await make_primary(tx, tenant_id, domain_id)
