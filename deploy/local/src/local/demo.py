"""The platform's main job on one screen: one journey through the gateway with five roles, step by step with timings."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from rich.console import Console

from local.front_door import FrontDoor, Json, Person, Refused, eventually
from local.layout import Layout
from local.ports import HOST
from local.settings import Settings

ROLES = ("sales", "ops", "finance", "ceo", "owner")
MILESTONES = {"DEAL_CREATED", "WORK_ROOT_CREATED", "INVOICE_SENT", "INVOICE_PAID"}
VALUE = "12500.00"


def run(settings: Settings, layout: Layout) -> int:
    """Run the journey against the running platform; 0 when every step was as promised."""
    # One line each, also where the screen is narrow or a file.
    console = Console(highlight=False, soft_wrap=True)
    with FrontDoor(settings.public_url, layout.certs / "ca.pem") as door:
        journey = Journey(door, f"http://{HOST}:{settings.ports.mail_http}", console)
        began = time.monotonic()
        try:
            journey.run()
        except Refused as refused:
            console.print(f"  [red]✗ {refused}[/red]")
            return 1
    console.print(f"[green]Everything arrived[/green] in {time.monotonic() - began:.1f} s.")
    return 0


@dataclass
class Journey:
    """One lead on its way to paid money; every run uses a customer of its own."""

    door: FrontDoor
    mail_url: str
    console: Console
    mark: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}")
    people: dict[str, Person] = field(default_factory=dict)
    rows: dict[str, Json] = field(default_factory=dict)

    def run(self) -> None:
        """Every step in order; Refused at the first that is not as promised."""
        self.step("five people sign in", self.sign_in)
        self.step("sales notes a lead", self.note_lead)
        self.step("sales converts it to a deal with a new company", self.convert)
        self.step("sales wins the deal", self.win)
        self.step("work: the delivery item is there", self.find_delivery)
        self.step("finance has an invoice for it", self.find_invoice)
        self.step("finance sends it: number and lock", self.send)
        self.step("the buyer has the mail with the PDF", self.find_mail)
        self.step("ops delivers", self.deliver)
        self.step("finance notes the payment", self.pay)
        self.step("sales sees the whole timeline", self.see_timeline)
        self.step("everybody concerned was notified", self.see_notifications)
        self.step("the audit log tells who did it", self.see_audit)
        self.step("the CEO sees the health score", self.see_score)

    def step(self, title: str, act: Callable[[], str]) -> None:
        """Do one step and print what came of it."""
        began = time.monotonic()
        outcome = act()
        milliseconds = (time.monotonic() - began) * 1000
        self.console.print(f"  [green]✓[/green] {title:<50} {milliseconds:7.0f} ms  [dim]{outcome}[/dim]")

    def sign_in(self) -> str:
        """One person of each role."""
        for role in ROLES:
            self.people[role] = self.door.sign_in(f"{role}@acme.example")
        return ", ".join(ROLES)

    def note_lead(self) -> str:
        """A qualified lead."""
        sales = self.people["sales"]
        lead = sales.post(
            "/leads", {"title": f"Demo {self.mark}", "source": "demo", "notes": "Wants it soon."}
        )
        sales.post(f"/leads/{lead['id']}/qualify")
        self.rows["lead"] = lead
        return str(lead["title"])

    def convert(self) -> str:
        """A deal, owned by the seller, for a company that can be invoiced."""
        sales = self.people["sales"]
        me = sales.get("/auth/me")["id"]
        name = f"Demo customer {self.mark}"
        address = {"line1": "Hafenstrasse 5", "postalCode": "20457", "city": "Hamburg", "country": "DE"}
        company = sales.post(
            "/companies", {"name": name, "legalName": name, "email": self.buyer, "address": address}
        )
        closes_on = (datetime.now(UTC) + timedelta(days=14)).date().isoformat()
        terms = {"valueAmount": VALUE, "currency": "EUR", "expectedCloseDate": closes_on, "ownerUserId": me}
        body = {"companyId": company["id"], **terms}
        self.rows["company"] = company
        self.rows["deal"] = sales.post(f"/leads/{self.rows['lead']['id']}/convert-to-deal", body)
        return f"{self.rows['deal']['valueAmount']} EUR"

    def win(self) -> str:
        """OPEN to WON."""
        won = self.people["sales"].post(f"/deals/{self.deal_id}/mark-won")
        _must(won["stage"] == "WON", f"the deal is {won['stage']}")
        return str(won["stage"])

    def find_delivery(self) -> str:
        """The work item that the won deal made."""
        ops = self.people["ops"]
        item = eventually(lambda: _first(ops.get("/work-items", dealId=self.deal_id)), "the delivery item")
        _must(item["title"].startswith("Deliver:"), f"the item is called {item['title']!r}")
        self.rows["item"] = item
        return f"{item['title']}, due {item['dueDate']}"

    def find_invoice(self) -> str:
        """The draft that the won deal made, or one by hand where the organisation's policy makes none."""
        finance, ceo = self.people["finance"], self.people["ceo"]
        if ceo.get("/settings/policies").get("createInvoiceOnDealWon"):
            look = finance.get
            draft = eventually(lambda: _first(look("/invoices", dealId=self.deal_id)), "the draft invoice")
            self.rows["invoice"] = draft
            return f"draft by policy, {draft['amount']} EUR"
        due_on = (datetime.now(UTC) + timedelta(days=14)).date().isoformat()
        line = {"description": "Delivery", "quantity": "1", "unitPrice": VALUE}
        body = {"companyId": self.rows["company"]["id"], "dealId": self.deal_id, "currency": "EUR"}
        self.rows["invoice"] = finance.post("/invoices", {**body, "dueDate": due_on, "lines": [line]})
        return f"draft by hand, {self.rows['invoice']['amount']} EUR"

    def send(self) -> str:
        """DRAFT to SENT."""
        sent = self.people["finance"].post(f"/invoices/{self.invoice_id}/send")
        _must(sent["status"] == "SENT" and bool(sent["invoiceNumber"]), f"the invoice is {sent['status']}")
        return f"{sent['invoiceNumber']}, locked: {sent['isLocked']}"

    def find_mail(self) -> str:
        """The one mail to the customer, in the mail catcher."""

        def look() -> Any:
            return httpx2.get(f"{self.mail_url}/api/messages", params={"to": self.buyer}, timeout=5).json()

        mails = eventually(look, "the mail to the buyer", seconds=15)
        names = [attachment["filename"] for attachment in mails[0]["attachments"]]
        _must(any(str(name).endswith(".pdf") for name in names), f"the attachments are {names}")
        return f"{mails[0]['subject']} ({', '.join(names)})"

    def deliver(self) -> str:
        """The work item to DONE."""
        done = self.people["ops"].post(f"/work-items/{self.rows['item']['id']}/complete")
        _must(done["status"] == "DONE", f"the item is {done['status']}")
        return str(done["status"])

    def pay(self) -> str:
        """The invoice to PAID."""
        paid = self.people["finance"].post(f"/invoices/{self.invoice_id}/mark-paid")
        _must(paid["status"] == "PAID", f"the invoice is {paid['status']}")
        return f"{paid['amount']} EUR"

    def see_timeline(self) -> str:
        """Milestones from sales itself, from work and from billing."""

        def look() -> list[str] | None:
            timeline = self.people["sales"].get(f"/deals/{self.deal_id}/timeline")
            types = [milestone["type"] for milestone in timeline["milestones"]]
            return types if set(types) >= MILESTONES else None

        return " → ".join(eventually(look, f"the milestones {', '.join(sorted(MILESTONES))}"))

    def see_notifications(self) -> str:
        """The deal and the invoice reached somebody's inbox, never the one who acted."""
        wanted = {self.deal_id: "deal.won", self.invoice_id: "invoice.paid"}

        def look() -> list[str] | None:
            told = [
                f"{role}: {entry['type']}"
                for role, person in self.people.items()
                for entry in person.get("/notifications", pageSize=50)["items"]
                if wanted.get(entry["entityId"]) == entry["type"]
            ]
            is_complete = all(any(entry.endswith(kind) for entry in told) for kind in wanted.values())
            return told if is_complete else None

        return ", ".join(eventually(look, "notifications of the won deal and the paid invoice"))

    def see_audit(self) -> str:
        """The winning of the deal, with its actor."""
        ceo = self.people["ceo"]
        query = {"entityId": self.deal_id, "action": "MARK_WON"}
        entry = eventually(lambda: _first(ceo.get("/audit", **query)), "the audit entry MARK_WON")
        _must(ceo.get("/audit/verify")["ok"] is True, "the audit chain is broken")
        return f"{entry['action']} by {entry['actor']['name']}, chain verified"

    def see_score(self) -> str:
        """A number from 0 to 100."""
        score = self.people["ceo"].get("/ceo/health-score")["score"]
        _must(0 <= score <= 100, f"the score is {score}")
        return f"{score} of 100"

    @property
    def buyer(self) -> str:
        """The customer's address, new in every run."""
        return f"buyer.{''.join(filter(str.isdigit, self.mark))}@customer.example"

    @property
    def deal_id(self) -> str:
        """The deal of this journey."""
        return str(self.rows["deal"]["id"])

    @property
    def invoice_id(self) -> str:
        """The invoice of this journey."""
        return str(self.rows["invoice"]["id"])


def _first(page: Json) -> Json | None:
    items: list[Json] = page["items"]
    return items[0] if items else None


def _must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not holds:
        raise Refused(otherwise)
