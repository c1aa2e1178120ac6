"""What doors about organisations take and answer."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from chassis.schema import Country, Currency, In, Instant, Out, Text, absent
from identity.domain.legal import PAYMENT_TERMS_DAYS
from identity.domain.organisation_rows import OrganisationRows
from identity.domain.organisations import SLUG, OrganisationState, is_reserved
from identity.domain.preferences import check_choices
from identity.domain.roles import Role
from identity.http.shapes import Email, Locale, OrganisationName, Printed, TimeZone
from identity.usecases.organisations import Founded


def _not_reserved(slug: str) -> str:
    if is_reserved(slug):
        raise ValueError("is reserved")
    return slug


def _line(length: int = 255) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=length)


Slug = Annotated[
    Text,
    StringConstraints(pattern=f"^{SLUG.pattern}$", min_length=2, max_length=63),
    AfterValidator(_not_reserved),
]
LogoUrl = Annotated[str, StringConstraints(pattern=r"^https://[!-~]+$", max_length=2048)]
Colour = Annotated[str, StringConstraints(pattern="^#[0-9A-Fa-f]{6}$", to_lower=True)]
Iban = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$", max_length=34), Printed]
Bic = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$", max_length=11), Printed
]
TaxNumber = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9./-]+$", max_length=32), Printed]


class OrganisationIn(In):
    """A new organisation; without a slug it is made of the name."""

    name: OrganisationName
    slug: Slug | None = None


class BrandingIn(In):
    """How an organisation looks, as a whole; what is left out is not set."""

    logo_url: LogoUrl | None = None
    primary_colour: Colour | None = None
    secondary_colour: Colour | None = None


class OrganisationPatch(In):
    """What can be changed of an organisation; branding and settings are replaced as a whole."""

    name: OrganisationName = absent()
    time_zone: TimeZone = absent()
    currency: Currency = absent()
    locale: Locale = absent()
    branding: BrandingIn = absent()
    settings: Annotated[dict[str, Any], AfterValidator(check_choices)] = Field(
        default_factory=dict,
        description="A JSON object, whatever the console keeps for everybody; at most 16 KiB.",
    )

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, branding as it is stored."""
        given = super().changes()
        return given | ({"branding": self.branding.model_dump()} if "branding" in given else {})


class AddressIn(In):
    """A postal address."""

    line1: Annotated[Text, _line()]
    line2: Annotated[Text, _line()] | None = None
    postal_code: Annotated[Text, _line(20)]
    city: Annotated[Text, _line(120)]
    region: Annotated[Text, _line(120)] | None = None
    country: Country


class LegalIn(In):
    """The organisation as seller on its invoices, as a whole."""

    legal_name: Annotated[Text, _line()]
    address: AddressIn
    vat_id: TaxNumber | None = None
    tax_id: TaxNumber | None = None
    registration_number: Annotated[Text, _line(64)] | None = None
    iban: Iban | None = None
    bic: Bic | None = None
    email: Email | None = None
    phone: Annotated[Text, _line(40)] | None = None
    payment_terms_days: int = Field(PAYMENT_TERMS_DAYS, ge=0, le=365)
    invoice_note: Annotated[Text, _line(2000)] | None = None

    def values(self) -> dict[str, Any]:
        """Every field by its column."""
        return {name: getattr(self, name) for name in type(self).model_fields} | {
            "address": self.address.model_dump()
        }


class AddressOut(Out):
    """A postal address."""

    line1: str
    line2: str | None
    postal_code: str
    city: str
    region: str | None
    country: str


class LegalOut(Out):
    """The legal profile."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    legal_name: str
    address: AddressOut
    vat_id: str | None
    tax_id: str | None
    registration_number: str | None
    iban: str | None
    bic: str | None
    email: str | None
    phone: str | None
    payment_terms_days: int
    invoice_note: str | None


class BrandingOut(Out):
    """How the organisation looks."""

    logo_url: str | None = None
    primary_colour: str | None = None
    secondary_colour: str | None = None


class OrganisationOut(Out):
    """The organisation with its legal profile, if it has one."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    name: str
    slug: str
    status: OrganisationState
    time_zone: str
    currency: str
    locale: str
    modules: list[str]
    branding: BrandingOut
    settings: dict[str, Any]
    legal: LegalOut | None

    @classmethod
    def of(cls, rows: OrganisationRows) -> "OrganisationOut":
        """From the rows of a command."""
        names = cls.model_fields.keys() - {"legal"}
        values = {name: getattr(rows.organisation, name) for name in names}
        return cls(**values, legal=LegalOut.model_validate(rows.legal) if rows.legal else None)


class FoundedOrganisation(Out):
    """A new organisation as its founder sees it."""

    id: UUID
    name: str
    slug: str


class FoundedMembership(Out):
    """The founder's place in it."""

    role: Role
    status: str


class FoundedOut(Out):
    """What `POST /orgs` answers."""

    org: FoundedOrganisation
    membership: FoundedMembership

    @classmethod
    def of(cls, founded: Founded) -> "FoundedOut":
        """From the rows of the command."""
        return cls(
            org=FoundedOrganisation.model_validate(founded.organisation),
            membership=FoundedMembership.model_validate(founded.membership),
        )
