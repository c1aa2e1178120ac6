"""What can be done with public forms, and what becomes of what somebody sends by one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from chassis.auth import system_actor
from chassis.errors import Denied
from chassis.runtime import Runtime
from chassis.tx import Tx
from sales.domain.forms import LeadForm, digest_of, lead_of, new_token
from sales.domain.rows import Values, assign, newborn
from sales.store import forms, members
from sales.usecases.leads import create_lead

NOBODY = UUID(int=0)


class NewForm(NamedTuple):
    """A form as it is answered, and its token, which is shown this once."""

    form: Any
    token: str


async def create_form(tx: Tx, values: Values) -> NewForm:
    """A new form."""
    await members.require_active(tx, tx.actor.org_id, values.get("owner_user_id"))
    token = new_token()
    form = LeadForm(**newborn(tx.actor.org_id, tx.now), **values, digest=digest_of(token))
    tx.add(form)
    tx.record(form, "CREATE")
    return NewForm(await forms.show(tx, form.org_id, form.id), token)


async def change_form(tx: Tx, form_id: UUID, values: Values) -> Any:
    """Change the fields that were sent."""
    form = await _expected(tx, form_id)
    owner_id = values.get("owner_user_id", form.owner_user_id)
    if owner_id != form.owner_user_id:
        await members.require_active(tx, form.org_id, owner_id)
    assign(form, values)
    tx.record(form, "UPDATE")
    return await forms.show(tx, form.org_id, form_id)


async def delete_form(tx: Tx, form_id: UUID) -> None:
    """The form is gone; its token leads nowhere."""
    form = await _expected(tx, form_id)
    tx.record(form, "DELETE")
    await tx.session.delete(form)


async def receive(runtime: Runtime, token: str, sent: Mapping[str, str | None]) -> None:
    """A lead of what somebody has sent; nothing when the token is no form's, or the organisation is closed to it.

    The organisation is found by the system role; everything else happens within it.
    """
    anywhere = replace(runtime.source, database=runtime.system)
    async with anywhere.reading(system_actor(NOBODY)) as reading:
        form = await forms.find_by_digest(reading, digest_of(token))
    if form is None or not await _is_open(runtime, form.org_id):
        return
    async with runtime.source.tx(system_actor(form.org_id)) as tx:
        owners = [form.owner_user_id] if form.owner_user_id else []
        values = {
            **lead_of(sent),
            "source": form.source,
            "owner_user_id": await members.first_active(tx, form.org_id, owners),
            "tags": form.tags,
        }
        await create_lead(tx, values)


async def _is_open(runtime: Runtime, org_id: UUID) -> bool:
    rules = await runtime.tenants.rules(org_id)
    try:
        rules.check_open()
        rules.check_module(runtime.tenants.module)
    except Denied:
        return False
    return True


async def _expected(tx: Tx, form_id: UUID) -> LeadForm:
    form = await forms.lock(tx.session, tx.actor.org_id, form_id)
    tx.expect(form)
    return form
