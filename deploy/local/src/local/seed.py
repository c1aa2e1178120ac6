"""Demo data: identity makes the organisations and people, the rest comes through the gateway as those people.

Repeatable: a row is looked for by its name first and only brought as far as it has not come yet.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from local.children import tail
from local.front_door import PASSWORD, FrontDoor, Json, Person, Refused
from local.seed_rows import ORGANISATIONS, CompanyRow, DealRow, InvoiceRow, LeadRow, OrganisationRows, WorkRow
from local.service_environment import service_environment
from local.settings import REPOSITORY
from local.stack import Stack

__all__ = ["PASSWORD", "SeedFailed", "run"]

Row = TypeVar("Row", CompanyRow, LeadRow, DealRow, WorkRow, InvoiceRow)


class SeedFailed(Exception):
    """The demo data could not be completed; the message says at which row."""


def run(stack: Stack) -> str:
    """Complete the demo data of a running platform; a line that says what there is now."""
    _make_people(stack)
    try:
        with ThreadPoolExecutor(len(ORGANISATIONS)) as pool:
            counts = list(pool.map(lambda rows: _fill(stack, rows), ORGANISATIONS))
    except Refused as refused:
        raise SeedFailed(str(refused)) from None
    return f"demo data: {', '.join(rows.slug for rows in ORGANISATIONS)}, {sum(counts)} rows in place"


def _make_people(stack: Stack) -> None:
    """Organisations and users; identity itself says which (development only)."""
    log_path = stack.layout.log("seed")
    environment = service_environment("identity", stack.settings, stack.keys, stack.cluster)
    with log_path.open("ab") as log:
        began = log.tell()
        command = [sys.executable, "-m", "identity", "seed"]
        done = subprocess.run(
            command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log, check=False, timeout=120
        )
    if done.returncode != 0:
        raise SeedFailed(f"identity seed ended with {done.returncode}\n{tail(log_path, since=began)}")


def _fill(stack: Stack, rows: OrganisationRows) -> int:
    with FrontDoor(stack.settings.public_url, stack.layout.certs / "ca.pem") as door:
        return Filler(door, rows).fill()


class Filler:
    """Brings one organisation's rows through the doors its people use."""

    def __init__(self, door: FrontDoor, rows: OrganisationRows) -> None:
        self._rows = rows
        self._sales = door.sign_in(f"sales@{rows.slug}.example")
        self._ops = door.sign_in(f"ops@{rows.slug}.example")
        self._finance = door.sign_in(f"finance@{rows.slug}.example")
        self._companies: dict[str, str] = {}
        self._today = datetime.now(UTC).date()

    def fill(self) -> int:
        """Every row in its state; how many there are."""
        rows = self._rows
        return (
            _bring_each(self._sales, "/companies", "name", rows.companies, bring=self._company)
            + _bring_each(self._sales, "/leads", "title", rows.leads, bring=self._lead)
            + _bring_each(self._sales, "/deals", "title", rows.deals, bring=self._deal)
            + _bring_each(self._ops, "/work-items", "title", rows.work, bring=self._work)
            + _bring_each(self._finance, "/invoices", "reference", rows.invoices, bring=self._invoice)
        )

    def _company(self, row: CompanyRow, there: Json | None) -> None:
        address = {
            "line1": "1 Main Street",
            "postalCode": "10115",
            "city": row.city,
            "country": self._rows.country,
        }
        legal = {"legalName": row.name, "email": row.email, "address": address}
        company = there or self._sales.post(
            "/companies", {"name": row.name, "industry": row.industry, "website": row.website, **legal}
        )
        self._companies[row.name] = company["id"]
        contacts = self._sales.get(f"/companies/{company['id']}/contacts")["items"]
        if row.contact not in [contact["name"] for contact in contacts]:
            body = {"companyId": company["id"], "name": row.contact, "title": row.title, "email": row.email}
            self._sales.post("/contacts", body)

    def _lead(self, row: LeadRow, there: Json | None) -> None:
        lead = there or self._sales.post(
            "/leads",
            {
                "title": row.title,
                "source": row.source,
                "companyId": self._companies[row.company],
                "ownerUserId": self._sales.id,
            },
        )
        if row.is_qualified and lead["stage"] == "NEW":
            self._sales.post(f"/leads/{lead['id']}/qualify")

    def _deal(self, row: DealRow, there: Json | None) -> None:
        body = {
            "title": row.title,
            "companyId": self._companies[row.company],
            "ownerUserId": self._sales.id,
            "valueAmount": row.value,
            "currency": "EUR",
            "expectedCloseDate": self._in_days(row.closes_in_days),
        }
        deal = there or self._sales.post("/deals", body)
        if row.outcome != "open" and deal["stage"] == "OPEN":
            self._sales.post(f"/deals/{deal['id']}/mark-{row.outcome}")

    def _work(self, row: WorkRow, there: Json | None) -> None:
        body = {
            "title": row.title,
            "companyId": self._companies[row.company],
            "assignedToUserId": self._ops.id,
            "priority": row.priority,
            "dueDate": self._in_days(row.due_in_days),
        }
        item = there or self._ops.post("/work-items", body)
        if row.status == "DONE" and item["status"] != "DONE":
            self._ops.post(f"/work-items/{item['id']}/complete")
        elif row.status != "TODO" and item["status"] == "TODO":
            self._ops.post(f"/work-items/{item['id']}/transition", {"status": row.status})

    def _invoice(self, row: InvoiceRow, there: Json | None) -> None:
        line = {
            "description": row.service,
            "quantity": row.quantity,
            "unitPrice": row.unit_price,
            "taxBasisPoints": self._rows.tax_basis_points,
        }
        body = {
            "companyId": self._companies[row.company],
            "invoiceNumber": row.reference,
            "currency": "EUR",
            "issueDate": self._in_days(min(0, row.due_in_days) - 14),
            "dueDate": self._in_days(row.due_in_days),
            "lines": [line],
        }
        invoice = there or self._finance.post("/invoices", body)
        status = invoice["status"]
        if status == "DRAFT" and row.state != "draft":
            status = self._finance.post(f"/invoices/{invoice['id']}/send")["status"]
        if status == "SENT" and row.state == "paid":
            self._finance.post(f"/invoices/{invoice['id']}/mark-paid")

    def _in_days(self, days: int) -> str:
        return (self._today + timedelta(days=days)).isoformat()


def _bring_each(
    person: Person, path: str, key: str, rows: Sequence[Row], *, bring: Callable[[Row, Json | None], None]
) -> int:
    """Call `bring` for each row with what is there already under its name; how many rows."""
    there = {item[key]: item for item in person.items(path)}
    for row in rows:
        bring(row, there.get(getattr(row, key)))
    return len(rows)
