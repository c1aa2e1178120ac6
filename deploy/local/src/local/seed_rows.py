"""What the demo organisations sell, promise and are owed: names, numbers and the state each row should reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CompanyRow:
    """A customer with its contact person."""

    name: str
    industry: str
    website: str
    city: str
    contact: str
    title: str
    email: str


@dataclass(frozen=True)
class LeadRow:
    """A lead of a company."""

    company: str
    title: str
    source: str
    is_qualified: bool = False


@dataclass(frozen=True)
class DealRow:
    """A deal; `outcome` is won, lost or open."""

    company: str
    title: str
    value: str
    closes_in_days: int
    outcome: str = "open"


@dataclass(frozen=True)
class WorkRow:
    """A piece of work of a company."""

    company: str
    title: str
    status: str
    due_in_days: int
    priority: int = 2


@dataclass(frozen=True)
class InvoiceRow:
    """An invoice; `state` is draft, sent or paid. Sent with a due date in the past is overdue."""

    company: str
    reference: str
    service: str
    unit_price: str
    due_in_days: int
    state: str
    quantity: str = "1"


@dataclass(frozen=True)
class OrganisationRows:
    """Everything of one organisation; `country` is that of its customers, the tax that of its invoices."""

    slug: str
    country: str
    tax_basis_points: int
    companies: tuple[CompanyRow, ...]
    leads: tuple[LeadRow, ...]
    deals: tuple[DealRow, ...]
    work: tuple[WorkRow, ...]
    invoices: tuple[InvoiceRow, ...]


ACME = OrganisationRows(
    slug="acme",
    country="DE",
    tax_basis_points=1900,
    companies=(
        CompanyRow(
            "Brandt Maschinenbau GmbH",
            "Engineering",
            "https://brandt.example",
            "Stuttgart",
            "Jutta Brandt",
            "Managing director",
            "jutta@brandt.example",
        ),
        CompanyRow(
            "Havel Logistik AG",
            "Logistics",
            "https://havel.example",
            "Potsdam",
            "Tomasz Nowak",
            "Head of operations",
            "tomasz@havel.example",
        ),
        CompanyRow(
            "Lindner Medizintechnik",
            "Medical devices",
            "https://lindner.example",
            "Tuttlingen",
            "Dr. Aylin Kaya",
            "Quality lead",
            "aylin@lindner.example",
        ),
        CompanyRow(
            "Nordlicht Energie eG",
            "Energy",
            "https://nordlicht.example",
            "Flensburg",
            "Sven Petersen",
            "Procurement",
            "sven@nordlicht.example",
        ),
    ),
    leads=(
        LeadRow("Nordlicht Energie eG", "Monitoring for twelve wind parks", "website"),
        LeadRow("Lindner Medizintechnik", "Validation of the packing line", "referral", is_qualified=True),
        LeadRow("Havel Logistik AG", "Second warehouse in Rostock", "event", is_qualified=True),
    ),
    deals=(
        DealRow("Brandt Maschinenbau GmbH", "Retrofit of press line 3", "48500.00", 30, "won"),
        DealRow("Havel Logistik AG", "Yard management rollout", "27400.00", 45),
        DealRow("Lindner Medizintechnik", "Audit preparation", "9800.00", 20),
        DealRow("Nordlicht Energie eG", "Control room display", "15250.00", 10, "lost"),
    ),
    work=(
        WorkRow("Brandt Maschinenbau GmbH", "Measure press line 3 on site", "IN_PROGRESS", 3, 1),
        WorkRow("Havel Logistik AG", "Draft the yard layout", "TODO", 6),
        WorkRow("Lindner Medizintechnik", "Collect the audit checklists", "BLOCKED", 9, 3),
        WorkRow("Havel Logistik AG", "Kick-off workshop", "DONE", 1),
    ),
    invoices=(
        InvoiceRow("Brandt Maschinenbau GmbH", "AC-1001", "Site survey", "1450.00", 14, "paid", "2"),
        InvoiceRow("Havel Logistik AG", "AC-1002", "Consulting day", "980.00", 10, "sent", "5"),
        InvoiceRow("Lindner Medizintechnik", "AC-1003", "Gap analysis", "3200.00", -12, "sent"),
        InvoiceRow(
            "Brandt Maschinenbau GmbH", "AC-1004", "Retrofit, first instalment", "14550.00", 30, "draft"
        ),
    ),
)

GLOBEX = OrganisationRows(
    slug="globex",
    country="FR",
    tax_basis_points=2000,
    companies=(
        CompanyRow(
            "Chantier Naval du Golfe",
            "Shipbuilding",
            "https://chantier-golfe.example",
            "Vannes",
            "Maëlle Le Gall",
            "Directrice technique",
            "maelle@chantier-golfe.example",
        ),
        CompanyRow(
            "Port de Plaisance Sainte-Anne",
            "Marinas",
            "https://sainte-anne.example",
            "Marseille",
            "Karim Benali",
            "Capitaine de port",
            "karim@sainte-anne.example",
        ),
        CompanyRow(
            "Voiles & Vents SARL",
            "Charter",
            "https://voiles-vents.example",
            "La Rochelle",
            "Élodie Martin",
            "Gérante",
            "elodie@voiles-vents.example",
        ),
    ),
    leads=(
        LeadRow("Voiles & Vents SARL", "Refit of six charter yachts", "website"),
        LeadRow("Port de Plaisance Sainte-Anne", "Pontoon C: new power supply", "phone", is_qualified=True),
    ),
    deals=(
        DealRow("Chantier Naval du Golfe", "Electrical overhaul of hull 27", "36900.00", 25, "won"),
        DealRow("Port de Plaisance Sainte-Anne", "Berth sensors, phase 1", "21300.00", 40),
        DealRow("Voiles & Vents SARL", "Winter storage contract", "7600.00", 15, "lost"),
    ),
    work=(
        WorkRow("Chantier Naval du Golfe", "Order the switchboards", "IN_PROGRESS", 4, 1),
        WorkRow("Port de Plaisance Sainte-Anne", "Survey of pontoons A to D", "TODO", 8),
        WorkRow("Voiles & Vents SARL", "Hand over the inspection report", "DONE", 2),
    ),
    invoices=(
        InvoiceRow("Chantier Naval du Golfe", "GX-2001", "Electrical survey", "2600.00", 20, "paid"),
        InvoiceRow("Port de Plaisance Sainte-Anne", "GX-2002", "Inspection day", "890.00", -9, "sent", "3"),
        InvoiceRow("Voiles & Vents SARL", "GX-2003", "Rigging check", "640.00", 30, "draft", "6"),
    ),
)

ORGANISATIONS = (ACME, GLOBEX)
