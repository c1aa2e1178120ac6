"""The people and rows that rows of a file name by what people call them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.auth import Actor
from chassis.tx import Tx
from sales.domain.companies import Company
from sales.domain.custom_fields import FieldEntity
from sales.domain.imports import Entity
from sales.domain.permissions import Permission
from sales.domain.pipelines import DEFAULT_STAGES, Pipeline, stage_named
from sales.domain.rows import newborn
from sales.store import custom_fields, import_lookups, pipelines
from sales.usecases.import_rows import Planned
from sales.usecases.pipelines import place_in

MAX_NAME = 255


@dataclass(slots=True)
class References:
    """What some rows refer to; what is archived or has left only stays where it is already."""

    tx: Tx
    may_add_companies: bool
    owners: import_lookups.Found
    companies: dict[str, UUID]
    """Live ones by name, in small letters; those that rows before have made are among them."""
    put_away: import_lookups.Found
    contacts: import_lookups.Found
    buyers: Mapping[UUID, UUID | None]
    """The companies of live contacts."""
    pipelines: Mapping[UUID | None, Any]

    def pipeline_of(self, deal: Any) -> Any:
        """The pipeline of a deal, new ones and those of older code being in the default one."""
        return self.pipelines[deal.pipeline_id if deal is not None else None]

    def resolve(self, row: Planned, *, is_told: bool = True) -> None:
        """The people and rows that a row names, by id; a company that is nowhere is made, where whoever imports may."""
        fields = row.fields
        if "owner" in fields:
            owner_id = self._owner(row, fields["owner"])
            if owner_id is None and is_told:
                row.refuse("owner", "is no active member of this organisation")
            fields |= {"ownerUserId": owner_id} if owner_id else {}
        if "company" in fields:
            company_id = self._company(row, str(fields["company"]), is_told=is_told)
            fields |= {"companyId": company_id} if company_id else {}
        if "contact" in fields:
            contacts = [
                each.id for each in self.contacts.get(fields["contact"], ()) if each.id in self.buyers
            ]
            if contacts:
                company_id = fields.get("companyId", getattr(row.target, "company_id", None))
                theirs = [each for each in contacts if self.buyers[each] == company_id]
                fields["contactId"] = (theirs or contacts)[0]
            elif is_told:
                row.refuse("contact", "is the e-mail of no contact")
        if "pipelineStage" in fields:
            stage = stage_named(self.pipeline_of(row.target).stages, fields["pipelineStage"])
            if stage is None and is_told:
                row.refuse("pipelineStage", "is no stage of the pipeline")
            fields["pipelineStage"] = stage or fields["pipelineStage"]

    def check_buyer(self, row: Planned) -> None:
        """A contact that is newly named, or whose row is of another company now, is live and belongs to it."""
        contact_id = getattr(row.entity, "contact_id", None)
        if contact_id is None:
            return
        company_id = row.entity.company_id
        if row.target is not None and (company_id, contact_id) == (
            row.target.company_id,
            row.target.contact_id,
        ):
            return
        if contact_id not in self.buyers:
            row.refuse("contact", "is archived")
        elif company_id is not None and company_id != self.buyers[contact_id]:
            row.refuse("contact", "The contact does not belong to the company.")

    def _owner(self, row: Planned, email: str) -> UUID | None:
        """Whoever is active, or whose the row is already."""
        own = getattr(row.target, "owner_user_id", None)
        members = self.owners.get(email, ())
        return next((each.id for each in members if each.is_active or each.id == own), None)

    def _company(self, row: Planned, name: str, *, is_told: bool) -> UUID | None:
        known = self.companies.get(name.lower())
        if known is not None:
            return known
        own = getattr(row.target, "company_id", None)
        if any(each.id == own for each in self.put_away.get(name, ())):
            return own
        if not self.may_add_companies or len(name) > MAX_NAME:
            if is_told:
                row.refuse("company", "is the name of no company")
            return None
        row.company = Company(**newborn(self.tx.actor.org_id, self.tx.now), name=name)
        return row.company.id  # type: ignore[no-any-return] # of a mapped class


async def look_up(
    tx: Tx, entity: Entity, rows: Sequence[Planned], known: Iterable[Any], starter: Actor, *, is_dry: bool
) -> References:
    """What these rows refer to; `known` are the rows that are there and will be changed by them.

    Unless it is a dry run, companies, contacts and pipelines stay as they are until this transaction ends.
    """
    known = list(known)
    companies = await _companies(tx, entity, rows, is_dry=is_dry)
    contacts = await import_lookups.matches(tx, Entity.CONTACT, "email", _values(rows, "contact"))
    buyer_ids = {*_contact_ids(known), *(each.id for found in contacts.values() for each in found)}
    return References(
        tx=tx,
        may_add_companies=starter.may(Permission.COMPANIES_WRITE) and not await _asks_for_more(tx, rows),
        owners=await import_lookups.owners(tx, _values(rows, "owner")),
        companies=companies,
        put_away=await import_lookups.put_away(tx, _values(rows, "company") if known else ()),
        contacts=contacts,
        buyers=await import_lookups.buyers(tx, buyer_ids, is_held=not is_dry),
        pipelines=await _pipelines(tx, rows, known, is_dry=is_dry),
    )


def _values(rows: Sequence[Planned], name: str) -> list[str]:
    return list({str(row.fields[name]) for row in rows if name in row.fields})


async def _asks_for_more(tx: Tx, rows: Sequence[Planned]) -> bool:
    """Whether a company needs more than the name that rows of something else have of it."""
    if not _values(rows, "company"):
        return False
    fields = await custom_fields.hold(tx, tx.actor.org_id, FieldEntity.COMPANY)
    return any(field.required for field in fields.values())


def _contact_ids(known: Iterable[Any]) -> list[UUID]:
    return list({row.contact_id for row in known if getattr(row, "contact_id", None) is not None})


async def _pipelines(
    tx: Tx, rows: Sequence[Planned], known: Iterable[Any], *, is_dry: bool
) -> Mapping[UUID | None, Any]:
    """Where a row names a stage: the pipelines of the deals, held as they are; None stands for the default one."""
    if not _values(rows, "pipelineStage"):
        return {}
    if not is_dry:
        await place_in(tx, None, None)  # from now on there is a default one
    org_id = tx.actor.org_id
    default = await pipelines.hold_default(tx, org_id) or Pipeline(stages=list(DEFAULT_STAGES))
    own = {deal.pipeline_id for deal in known} - {None}
    return {None: default} | {each: await pipelines.hold(tx, org_id, each) for each in sorted(own)}


async def _companies(tx: Tx, entity: Entity, rows: Sequence[Planned], *, is_dry: bool) -> dict[str, UUID]:
    if entity is Entity.COMPANY:
        return {}
    matches = await import_lookups.matches(tx, Entity.COMPANY, "name", _values(rows, "company"))
    found = {name.lower(): companies[0].id for name, companies in matches.items()}
    if is_dry:
        return found
    held = await import_lookups.hold_companies(tx, found.values())
    return {name: company_id for name, company_id in found.items() if company_id in held}
