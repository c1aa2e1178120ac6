"""What can be done with companies."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from chassis.tx import Fact, Tx
from sales.domain.companies import Company
from sales.domain.custom_fields import FieldEntity
from sales.domain.finding import EntityType
from sales.domain.rows import Values, assign, is_touched, newborn
from sales.published import company_archived, company_created, company_restored, company_updated
from sales.store import companies, members
from sales.usecases.duplicates import COMPARED, detect_duplicates
from sales.usecases.finding import index_rows, rename_company
from sales.usecases.labels import labelled_changes, labelled_new


async def create_company(tx: Tx, values: Values) -> Any:
    """A new company; CompanyExists when a live one has the name."""
    await members.require_active(tx, tx.actor.org_id, values.get("owner_user_id"))
    values = await labelled_new(tx, FieldEntity.COMPANY, values)
    company = Company(**newborn(tx.actor.org_id, tx.now), **values)
    tx.add(company)
    return await _tell(tx, company, "CREATE", company_created)


async def change_company(tx: Tx, company_id: UUID, values: Values) -> Any:
    """Change the fields that were sent; CompanyMerged when it has gone into another one."""
    values = await labelled_changes(tx, FieldEntity.COMPANY, values)
    company = await _expected(tx, company_id)
    company.check_not_merged()
    if values.get("owner_user_id") != company.owner_user_id:
        await members.require_active(tx, company.org_id, values.get("owner_user_id"))
    assign(company, values)
    return await _tell(tx, company, "UPDATE", company_updated)


async def archive_company(tx: Tx, company_id: UUID) -> Any:
    """No longer offered for new business; an archived one stays as it is."""
    company = await _expected(tx, company_id)
    if not company.archive(tx.now):
        return await companies.show(tx, company.org_id, company_id)
    return await _tell(tx, company, "ARCHIVE", company_archived)


async def restore_company(tx: Tx, company_id: UUID) -> Any:
    """Back in business; CompanyExists when its name has been taken meanwhile, a live one stays as it is.

    CompanyMerged when it went into another one: what it had is there.
    """
    company = await _expected(tx, company_id)
    company.check_not_merged()
    if not company.restore():
        return await companies.show(tx, company.org_id, company_id)
    return await _tell(tx, company, "RESTORE", company_restored)


async def _expected(tx: Tx, company_id: UUID) -> Company:
    company = await companies.lock(tx.session, tx.actor.org_id, company_id)
    tx.expect(company)
    return company


async def _tell(tx: Tx, company: Company, action: str, fact: Callable[[Any], Fact]) -> Any:
    """Record what changed, if anything did, publish it, and show the company as it is now."""
    is_renamed = action == "UPDATE" and is_touched(company, "name")
    is_another = action == "CREATE" or is_touched(company, *COMPARED)
    is_changed = tx.record(company, action)
    show = companies.show_new if action == "CREATE" else companies.show
    shown = await show(tx, company.org_id, company.id)
    if is_changed:
        tx.publish(fact(shown))
        await index_rows(tx, EntityType.COMPANY, [shown])
    if is_renamed:
        await rename_company(tx, shown)
    if is_another:
        await detect_duplicates(tx, shown)
    return shown
