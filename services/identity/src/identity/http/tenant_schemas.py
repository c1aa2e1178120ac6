"""What the platform's doors take and answer."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from chassis.paging import PageQuery
from chassis.schema import Currency, In, Instant, Out, Text, absent
from identity.domain.domains import HOST, MAX_HOST
from identity.domain.members import MemberState
from identity.domain.modules import FIRST_TEMPLATE, TEMPLATES
from identity.domain.organisations import OrganisationState
from identity.domain.provisioning import Wanted
from identity.http.organisation_schemas import Slug
from identity.http.shapes import Email, Locale, OrganisationName, TimeZone


def _lower(value: object) -> object:
    return value.strip().lower().rstrip(".") if isinstance(value, str) else value


def _template(code: str) -> str:
    if code not in TEMPLATES:
        raise ValueError(f"must be one of {', '.join(TEMPLATES)}")
    return code


def _host(host: str) -> str:
    if not HOST.fullmatch(host):
        raise ValueError("must be a domain name")
    return host


Template = Annotated[Text, StringConstraints(min_length=1, max_length=40), AfterValidator(_template)]
Host = Annotated[
    Text,
    BeforeValidator(_lower),
    StringConstraints(min_length=3, max_length=MAX_HOST),
    AfterValidator(_host),
]
Search = Annotated[Text, StringConstraints(max_length=100)]


class TenantIn(In):
    """A new tenant; its owner gets the invitation by mail."""

    name: OrganisationName
    slug: Slug
    owner_email: Email
    template: Template = FIRST_TEMPLATE

    def wanted(self) -> Wanted:
        """What the platform asks for."""
        return Wanted(self.name, self.slug, self.owner_email, self.template)


class TenantPatch(In):
    """What the platform can change of a tenant."""

    name: OrganisationName = absent()
    time_zone: TimeZone = absent()
    currency: Currency = absent()
    locale: Locale = absent()


class TemplateIn(In):
    """A template to apply."""

    template: Template


class DomainIn(In):
    """A host that shall lead to the tenant."""

    host: Host
    is_primary: bool = False


class TenantQuery(PageQuery):
    """Query parameters of the list of tenants."""

    sort_by: Literal["createdAt", "name", "slug", "status"] = "createdAt"
    status: OrganisationState | None = None
    q: Search | None = Field(None, description="Part of name or slug.")


class PersonQuery(PageQuery):
    """Query parameters of the list of a tenant's people."""

    sort_by: Literal["createdAt", "name", "email"] = "createdAt"
    q: Search | None = Field(None, description="Part of name or address.")


class TenantOut(Out):
    """A tenant as the platform sees it."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    name: str
    slug: str
    status: OrganisationState
    last_error: str | None
    deletion_due_at: Instant | None
    time_zone: str
    currency: str
    locale: str
    modules: list[str]
    features: list[str]
    templates: list[str]
    owner_email: str | None
    host: str | None


class StepOut(Out):
    """A step of provisioning."""

    name: str
    status: Literal["done", "missing"]


class StatusOut(Out):
    """How far a tenant has come."""

    id: UUID
    version: int
    status: OrganisationState
    last_error: str | None
    deletion_due_at: Instant | None
    steps: list[StepOut]


class DomainOut(Out):
    """A host that leads to a tenant."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    host: str
    is_primary: bool


class DomainsOut(Out):
    """All of them, the primary one first."""

    items: list[DomainOut]


class TenantPersonOut(Out):
    """A member, and whether they can sign in at all."""

    id: UUID
    version: int
    created_at: Instant
    name: str
    email: str
    role: str
    status: MemberState
    is_active: bool
    last_login_at: Instant | None
