"""Doors of the platform about its tenants: how they come to be, live and go."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Response

from chassis.paging import CursorRows, PageRows, listing
from identity.domain.provisioning import Progress, Step
from identity.http.guards import Desk, InSystemTx
from identity.http.modules import SwitchIn
from identity.http.platform_guards import InPlatformReading, platform_router
from identity.http.tenant_schemas import (
    PersonQuery,
    StatusOut,
    TemplateIn,
    TenantIn,
    TenantOut,
    TenantPatch,
    TenantPersonOut,
    TenantQuery,
)
from identity.store import tenants as store
from identity.usecases import tenants as usecases
from identity.usecases.platform_people import disable_person, enable_person
from identity.usecases.provisioning import register_tenant, retry_provisioning

tenants = platform_router("tenants")
TENANT = "/platform/tenants/{tenant_id}"


@tenants.get("/platform/tenants", response_model=listing(TenantOut))
async def search(
    query: Annotated[TenantQuery, Depends(TenantQuery.of)],
    tx: InPlatformReading,
) -> PageRows | CursorRows:
    """Every tenant, newest first."""
    return await store.list_page(tx, query, status=query.status, q=query.q)


@tenants.post(
    "/platform/tenants",
    response_model=TenantOut,
    status_code=201,
    responses={200: {"model": TenantOut, "description": "The same request has made it before."}},
)
async def create(
    body: TenantIn,
    desk: Desk,
    tx: InSystemTx,
    response: Response,
) -> Any:
    """A new tenant; it is `provisioning` until every step is done, which takes seconds."""
    registered = await register_tenant(tx, desk.settings.root_domain, body.wanted())
    if not registered.is_new:
        response.status_code = 200
    return await store.show(tx, registered.org_id)


@tenants.get(TENANT, response_model=TenantOut)
async def read(tenant_id: UUID, tx: InPlatformReading) -> Any:
    """One tenant."""
    return await store.show(tx, tenant_id)


@tenants.get(f"{TENANT}/status", response_model=StatusOut)
async def read_status(
    tenant_id: UUID,
    desk: Desk,
    tx: InPlatformReading,
) -> dict[str, Any]:
    """How far it has come."""
    shown = await store.show(tx, tenant_id)
    has_hosts = bool(desk.settings.root_domain)
    return _status(shown, await store.progress(tx, tenant_id, has_hosts=has_hosts))


@tenants.patch(TENANT, response_model=TenantOut)
async def change(tenant_id: UUID, body: TenantPatch, tx: InSystemTx) -> Any:
    """Another name, zone, currency or language."""
    await usecases.change_tenant(tx, tenant_id, body.changes())
    return await store.show(tx, tenant_id)


@tenants.delete(TENANT, status_code=204)
async def delete(
    tenant_id: UUID,
    tx: InSystemTx,
    confirm: Annotated[str, Query(max_length=63, description="The slug.")],
) -> None:
    """Archive it and delete it in 30 days, unless it is activated before."""
    await usecases.schedule_deletion(tx, tenant_id, confirm)


@tenants.post(f"{TENANT}/activate", response_model=TenantOut)
async def activate(tenant_id: UUID, tx: InSystemTx) -> Any:
    """Let its members work; revokes a deletion."""
    await usecases.activate_tenant(tx, tenant_id)
    return await store.show(tx, tenant_id)


@tenants.post(f"{TENANT}/deactivate", response_model=TenantOut)
async def deactivate(tenant_id: UUID, tx: InSystemTx) -> Any:
    """Let nobody in for now."""
    await usecases.deactivate_tenant(tx, tenant_id)
    return await store.show(tx, tenant_id)


@tenants.post(f"{TENANT}/archive", response_model=TenantOut)
async def archive(tenant_id: UUID, tx: InSystemTx) -> Any:
    """Let nobody in any more; the data stays."""
    await usecases.archive_tenant(tx, tenant_id)
    return await store.show(tx, tenant_id)


@tenants.post(f"{TENANT}/retry", response_model=TenantOut)
async def retry(tenant_id: UUID, tx: InSystemTx) -> Any:
    """Do every missing step of its provisioning once more."""
    await retry_provisioning(tx, tenant_id)
    return await store.show(tx, tenant_id)


@tenants.post(f"{TENANT}/apply-template", response_model=TenantOut)
async def apply_template(tenant_id: UUID, body: TemplateIn, tx: InSystemTx) -> Any:
    """Switch on what a template has; nothing is switched off."""
    await usecases.apply_template(tx, tenant_id, body.template)
    return await store.show(tx, tenant_id)


@tenants.patch(f"{TENANT}/modules/{{code}}", response_model=TenantOut)
async def switch_module(
    tenant_id: UUID,
    code: str,
    body: SwitchIn,
    tx: InSystemTx,
) -> Any:
    """Switch a module on or off."""
    await usecases.switch_tenant_module(tx, tenant_id, code, is_enabled=body.enabled)
    return await store.show(tx, tenant_id)


@tenants.get(f"{TENANT}/users", response_model=listing(TenantPersonOut))
async def search_users(
    tenant_id: UUID,
    query: Annotated[PersonQuery, Depends(PersonQuery.of)],
    tx: InPlatformReading,
) -> PageRows | CursorRows:
    """Everybody who is or was a member."""
    await store.show(tx, tenant_id)
    return await store.list_people(tx, tenant_id, query, q=query.q)


@tenants.post(f"{TENANT}/users/{{user_id}}/disable", response_model=TenantPersonOut)
async def disable(tenant_id: UUID, user_id: UUID, tx: InSystemTx) -> Any:
    """Let the person sign in nowhere; their sessions end at once."""
    await disable_person(tx, tenant_id, user_id)
    return await store.show_person(tx, tenant_id, user_id)


@tenants.post(f"{TENANT}/users/{{user_id}}/enable", response_model=TenantPersonOut)
async def enable(tenant_id: UUID, user_id: UUID, tx: InSystemTx) -> Any:
    """Let the person sign in again."""
    await enable_person(tx, tenant_id, user_id)
    return await store.show_person(tx, tenant_id, user_id)


def _status(shown: Any, progress: Progress) -> dict[str, Any]:
    steps = [{"name": "organisation", "status": "done"}]
    steps += [
        {"name": step.value, "status": "missing" if step in progress.missing else "done"} for step in Step
    ]
    return {**shown._asdict(), "steps": steps}
