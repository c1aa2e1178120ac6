"""The demo organisations and their people (spec/operations.md); development only."""

from dataclasses import dataclass, field
from typing import Any

from identity.domain.roles import Role

PASSWORD = "execos-demo-pass"
PLATFORM_EMAIL = "platform@execos.example"
PLATFORM_PASSWORD = "execos-platform-pass"
PASSWORDS = frozenset({PASSWORD, PLATFORM_PASSWORD})
"""Refused where EXECOS_ENV is production."""


@dataclass(frozen=True)
class DemoPerson:
    """Somebody with a role."""

    email: str
    name: str
    role: Role
    title: str


@dataclass(frozen=True)
class DemoOrganisation:
    """An organisation complete enough to send invoices."""

    slug: str
    name: str
    time_zone: str
    locale: str
    legal: dict[str, Any]
    people: tuple[DemoPerson, ...] = field(default=())


_STAFF = (
    ("owner", Role.OWNER, "Owner"),
    ("admin", Role.ADMIN, "Administrator"),
    ("ceo", Role.CEO, "Chief executive"),
    ("director", Role.DIRECTOR, "Director"),
    ("manager", Role.SALES_MANAGER, "Head of sales"),
    ("sales", Role.SALES, "Account manager"),
    ("ops", Role.OPS, "Operations"),
    ("finance", Role.FINANCE, "Accountant"),
    ("cashier", Role.CASHIER, "Cashier"),
    ("viewer", Role.VIEWER, "Adviser"),
)
_NAMES = {
    "acme": (
        "Olga Winter", "Adam Brandt", "Clara Vogel", "Dirk Sommer", "Mara Keller",
        "Sven Becker", "Otto Krause", "Fina Lorenz", "Kai Peters", "Vera Engel",
    ),
    "globex": (
        "Odile Marchand", "Alain Girard", "Camille Leroy", "Denis Faure", "Manon Perrin",
        "Simon Roche", "Pauline Colin", "Francis Noel", "Karine Blanc", "Victor Aubert",
    ),
}  # fmt: skip


def _people(slug: str, consultant: Role) -> tuple[DemoPerson, ...]:
    staff = tuple(
        DemoPerson(f"{local}@{slug}.example", name, role, title)
        for (local, role, title), name in zip(_STAFF, _NAMES[slug], strict=True)
    )
    return (*staff, DemoPerson("consultant@both.example", "Chris Both", consultant, "Consultant"))


ORGANISATIONS = (
    DemoOrganisation(
        slug="acme",
        name="Acme Works",
        time_zone="Europe/Berlin",
        locale="de",
        legal={
            "legal_name": "Acme Works GmbH",
            "address": {
                "line1": "Werkstrasse 12",
                "line2": None,
                "postal_code": "10115",
                "city": "Berlin",
                "region": None,
                "country": "DE",
            },
            "vat_id": "DE136695976",
            "tax_id": "29/815/08154",
            "registration_number": "HRB 12345 B",
            "iban": "DE89370400440532013000",
            "bic": "COBADEFFXXX",
            "email": "billing@acme.example",
            "phone": "+49 30 1234567",
            "payment_terms_days": 14,
            "invoice_note": "Thank you for working with us.",
        },
        people=_people("acme", Role.SALES),
    ),
    DemoOrganisation(
        slug="globex",
        name="Globex Marine",
        time_zone="Europe/Paris",
        locale="fr",
        legal={
            "legal_name": "Globex Marine SARL",
            "address": {
                "line1": "8 quai des Brumes",
                "line2": None,
                "postal_code": "13002",
                "city": "Marseille",
                "region": None,
                "country": "FR",
            },
            "vat_id": "FR83404833048",
            "tax_id": "404833048",
            "registration_number": "404 833 048 00022",
            "iban": "FR1420041010050500013M02606",
            "bic": "PSSTFRPPMAR",
            "email": "facturation@globex.example",
            "phone": "+33 4 91 23 45 67",
            "payment_terms_days": 30,
            "invoice_note": None,
        },
        people=_people("globex", Role.FINANCE),
    ),
)
