"""What the sales service is made of."""

from pathlib import Path

from chassis.service import Service
from clients.identity.client import IdentityClient
from clients.identity.copies import WATCHES, rules_in
from sales.consumed import HANDLERS
from sales.copies import ORGANISATIONS
from sales.domain.companies import CompanyExists
from sales.domain.custom_fields import FieldExists
from sales.domain.leads import LeadAlreadyConverted
from sales.domain.rows import Row
from sales.domain.tags import TagExists
from sales.http.batches import batches
from sales.http.boards import boards
from sales.http.companies import companies
from sales.http.contacts import contacts
from sales.http.custom_fields import custom_fields
from sales.http.deals import deals
from sales.http.duplicates import duplicates
from sales.http.exports import exports
from sales.http.forms import forms
from sales.http.imports import imports
from sales.http.leads import leads
from sales.http.merges import merges
from sales.http.notes import notes
from sales.http.pipelines import pipelines
from sales.http.search import finding
from sales.http.tags import tags
from sales.http.views import views
from sales.importing import JOBS
from sales.rpc.sales_service import CALLERS, serve_sales
from sales.settings import SalesSettings

SALES = Service(
    name="sales",
    title="Execos sales",
    settings=SalesSettings,
    metadata=Row.metadata,
    migrations=Path(__file__).parents[2] / "migrations",
    routers=[
        duplicates,
        merges,
        *batches,
        companies,
        contacts,
        leads,
        boards,
        deals,
        pipelines,
        forms,
        notes,
        tags,
        custom_fields,
        views,
        finding,
        imports,
        exports,
    ],
    constraints={
        "uq_company_name": CompanyExists("There is a company of that name."),
        "uq_tag_name": TagExists("There is a tag of that name."),
        "uq_custom_field_key": FieldExists("There is a field of that key."),
        "uq_deal_lead": LeadAlreadyConverted("This lead is a deal already."),
    },
    handlers=HANDLERS,
    watches=WATCHES,
    rules_of=rules_in(ORGANISATIONS),
    module="sales",
    jobs=JOBS,
    callers=CALLERS,
    serve_rpc=serve_sales,
    peers=lambda settings, peer: {IdentityClient: IdentityClient(peer("identity", settings.identity_grpc))},
)
