"""Modules, their features, and the templates that switch them on (spec/identity.md, Modules and features)."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from chassis.errors import Invalid


class Module(NamedTuple):
    """A part of the product that an organisation has or has not."""

    code: str
    name: str
    description: str


class Feature(NamedTuple):
    """Something within a module, or of the platform itself (no module), that can be off alone."""

    code: str
    module: str | None
    name: str
    description: str


class Template(NamedTuple):
    """What organisations of one kind start with; applying one only switches on."""

    code: str
    name: str
    modules: frozenset[str]


MODULES: Mapping[str, Module] = {
    each.code: each
    for each in (
        Module("sales", "Sales", "Companies, contacts, leads and deals"),
        Module("work", "Work", "Work items, reminders and calendar"),
        Module("billing", "Billing", "Invoices, payments and expenses"),
        Module("notifications", "Notifications", "Inbox, mails and webhooks"),
        Module("reporting", "Reporting", "Health score, dashboards and audit log"),
        Module("catalog", "Catalogue", "Products and prices"),
        Module("purchasing", "Purchasing", "Suppliers and purchases"),
        Module("stock", "Stock", "Stock ledger"),
        Module("pos", "Point of sale", "Cash registers and receipts"),
        Module("marina", "Marina", "Berths and interests"),
        Module("files", "Files", "Files and folders"),
        Module("automation", "Automation", "Nudges and autopilot"),
    )
}
FEATURES: Mapping[str, Feature] = {
    each.code: each
    for each in (
        Feature("api-keys", None, "API keys", "Access for other systems"),
        Feature(
            "custom-roles", None, "Roles of one's own", "Define roles and change what system roles may do"
        ),
        Feature("preferences", None, "Preferences", "Everybody keeps how the console looks for them"),
        Feature("audit-export", "reporting", "Audit export", "Download the audit log"),
    )
}
SERVICES = frozenset({"sales", "work", "billing", "notifications", "reporting"})
COMMERCE = SERVICES | {"catalog", "purchasing", "stock"}
TEMPLATES: Mapping[str, Template] = {
    each.code: each
    for each in (
        Template("services", "Services", SERVICES),
        Template("retail", "Retail", COMMERCE | {"pos"}),
        Template("marina", "Marina", SERVICES | {"marina", "files"}),
        Template("e-commerce", "E-commerce", COMMERCE),
        Template("print-shop", "Print shop", COMMERCE | {"pos", "files"}),
    )
}
FIRST_TEMPLATE = "services"


class Switches(NamedTuple):
    """What is on: by templates, and what the organisation has switched itself (code to on or off)."""

    templates: tuple[str, ...]
    modules: Mapping[str, bool]
    features: Mapping[str, bool]

    def modules_on(self) -> list[str]:
        """The modules that are on, in order."""
        return _on(self.module_defaults(), self.modules)

    def features_on(self) -> list[str]:
        """The features that are on, in order; every one is unless switched off."""
        return _on(FEATURES, self.features)

    def module_defaults(self) -> frozenset[str]:
        """What the templates switch on."""
        return frozenset().union(*(TEMPLATES[code].modules for code in self.templates))

    def apply(self, template: str) -> "Switches":
        """With one more template: whatever it has is on afterwards, nothing goes off; twice is the same as once."""
        wanted = template_of(template).modules
        kept = {code: is_on for code, is_on in self.modules.items() if is_on or code not in wanted}
        templates = self.templates if template in self.templates else (*self.templates, template)
        return self._replace(templates=templates, modules=kept)


def template_of(code: str) -> Template:
    """The template; Invalid when there is none of that code."""
    try:
        return TEMPLATES[code]
    except KeyError:
        raise Invalid.field("template", f"must be one of {', '.join(TEMPLATES)}") from None


def _on(defaults: Collection[str], own: Mapping[str, bool]) -> list[str]:
    on = {code for code in defaults if own.get(code, True)} | {code for code, is_on in own.items() if is_on}
    return sorted(on)
