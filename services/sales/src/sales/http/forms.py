"""Doors of public forms: for those who make them, and the one for everybody."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request
from pydantic import ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from chassis.auth import Actor
from chassis.context import Work, begin_work, current_work, new_request_id
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import API, router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.routing import public, shows_once, unkeyed
from chassis.runtime import runtime_of
from chassis.schema import In, Instant, Line, Out, Text, absent
from sales.domain.forms import SOURCE, digest_of
from sales.domain.permissions import Permission
from sales.domain.tags import MAX_TAGS
from sales.domain.throttle import Throttle, network_of
from sales.http.knowing import OwnedIn, know_people
from sales.http.labels import TagName
from sales.http.shapes import Email, Phone, ShortText
from sales.settings import SalesSettings
from sales.store import forms as store
from sales.usecases.forms import change_form, create_form, delete_form, receive

forms = router("forms")

MayManage = Annotated[Actor, Depends(Requires(Permission.FORMS_MANAGE))]

ANSWERED_AFTER_SECONDS = 0.15
"""Longer than it takes to keep a lead: how long an answer takes tells nothing either."""
PER_FORM_A_MINUTE = 20
PER_ADDRESS_A_MINUTE = 60
MINUTE = 60.0


class DefaultsIn(OwnedIn):
    """What every lead of a form has."""

    source: Annotated[Text, StringConstraints(max_length=100)] | None = None
    tags: Annotated[list[TagName], Field(max_length=MAX_TAGS)] = absent()

    def changes(self) -> dict[str, Any]:
        """The fields the client sent, as they are kept."""
        sent = super().changes()
        if "source" in sent:
            sent["source"] = self.source or SOURCE
        if "tags" in sent:
            sent["tags"] = list({tag.casefold(): tag for tag in reversed(self.tags)}.values())[::-1]
        return sent


class FormFields(In):
    """What a form has besides its name."""

    defaults: DefaultsIn = absent()

    @property
    def owner_user_id(self) -> UUID | None:
        """Whose the leads of the form are, if the body says so."""
        return self.defaults.owner_user_id if "defaults" in self.model_fields_set else None

    def changes(self) -> dict[str, Any]:
        """The fields the client sent, the defaults as the row keeps them."""
        sent = super().changes()
        defaults = sent.pop("defaults", None)
        return sent | (defaults.changes() if defaults else {})


class FormIn(FormFields):
    """A new form."""

    name: Line


class FormPatch(FormFields):
    """What to change; a field that is left out stays."""

    name: Line = absent()


class DefaultsOut(Out):
    """What every lead of a form has."""

    model_config = ConfigDict(alias_generator=to_camel)

    source: str
    owner_user_id: UUID | None
    tags: list[str]


class FormOut(Out):
    """A form, without the token that leads to it."""

    id: UUID
    name: str
    defaults: DefaultsOut
    version: int
    created_at: Instant
    updated_at: Instant


class NewFormOut(FormOut):
    """A new form and where it is filled in."""

    token: str | None = Field(None, description="Shown this once; not in a replayed answer.")
    url: str | None = Field(None, description="Where to send what was filled in; shown this once.")


class FormsQuery(PageQuery):
    """Query parameters of the list of forms."""

    sort_by: Literal["createdAt", "name"] = "createdAt"


class SubmissionIn(In):
    """What somebody has filled in."""

    name: Line
    email: Email | None = None
    phone: Phone | None = None
    company: ShortText | None = None
    message: Annotated[Text, StringConstraints(max_length=5000)] | None = None
    website: Annotated[Text, StringConstraints(max_length=2000)] | None = Field(
        None, description="Stays empty: people do not see it, programs fill it in."
    )


class ReceivedOut(Out):
    """The answer to whatever was sent."""

    received: Literal[True]


async def form_known(request: Request, body: FormIn) -> FormIn:
    """The body of a new form, once the owner of its leads is known here."""
    await know_people(request, body.owner_user_id)
    return body


async def patch_known(request: Request, body: FormPatch) -> FormPatch:
    """The same for a change."""
    await know_people(request, body.owner_user_id)
    return body


@forms.get("/forms", response_model=listing(FormOut))
async def search(
    actor: MayManage, query: Annotated[FormsQuery, Depends(FormsQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Public forms, newest first unless another order is asked for."""
    return await store.list_forms(tx, actor.org_id, query)


@forms.post("/forms", response_model=NewFormOut, status_code=201, openapi_extra=shows_once("token", "url"))
async def create(
    request: Request, _actor: MayManage, body: Annotated[FormIn, Depends(form_known)], tx: InTx
) -> NewFormOut:
    """A new public form; its token and address are shown this once."""
    made = await create_form(tx, {"source": SOURCE, **body.changes()})
    gateway = runtime_of(request.app).part(SalesSettings).public_base_url.rstrip("/")
    shown = {"token": made.token, "url": f"{gateway}{API}/forms/{made.token}"}
    return NewFormOut.model_validate(made.form._asdict() | shown)


@forms.get("/forms/{form}", response_model=FormOut)
async def read(form: UUID, actor: MayManage, tx: InReadTx) -> Any:
    """One form, without the token that leads to it."""
    return await store.show(tx, actor.org_id, form)


@forms.patch("/forms/{form}", response_model=FormOut)
async def change(
    form: UUID, _actor: MayManage, body: Annotated[FormPatch, Depends(patch_known)], tx: InTx
) -> Any:
    """Change what is sent."""
    return await change_form(tx, form, body.changes())


@forms.delete("/forms/{form}", status_code=204)
async def delete(form: UUID, _actor: MayManage, tx: InTx) -> None:
    """The form is gone; what is sent by it from now on is not kept."""
    await delete_form(tx, form)


@forms.post("/forms/{form}", response_model=ReceivedOut, status_code=202, openapi_extra=public() | unkeyed())
async def submit(request: Request, form: str, body: SubmissionIn) -> ReceivedOut:
    """A lead for whoever made the form; the answer is the same where there is no such form, or nobody takes it."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    _check_rate(request, form, begun)
    if not body.website:
        sent = body.model_dump(exclude={"website"})
        await _apart(receive(runtime_of(request.app), form, sent))
    await asyncio.sleep(begun + ANSWERED_AFTER_SECONDS - clock())
    return ReceivedOut(received=True)


def _check_rate(request: Request, token: str, now: float) -> None:
    state = request.app.state
    if not hasattr(state, "form_throttles"):
        state.form_throttles = (Throttle(PER_FORM_A_MINUTE, MINUTE), Throttle(PER_ADDRESS_A_MINUTE, MINUTE))
    work = current_work()
    by_form, by_address = state.form_throttles
    address = network_of(work.ip if work else None)
    by_address.check(address, now)
    by_form.check((address, digest_of(token)), now)


async def _apart(doing: Coroutine[Any, Any, None]) -> None:
    """Do something whose statements the answer does not tell of."""
    origin = current_work()

    async def run() -> None:
        begin_work(replace(origin, statements=0) if origin else Work(new_request_id()))
        await doing

    await asyncio.create_task(run())
