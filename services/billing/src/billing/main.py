"""The composition of billing."""

from pathlib import Path

from billing.consumed import HANDLERS
from billing.copies import ORGANISATIONS
from billing.domain.refusals import Overpayment
from billing.domain.rows import Row
from billing.http import invoices, payments
from billing.jobs import jobs
from billing.rpc.billing_service import CALLERS, serve_billing
from billing.settings import BillingSettings
from chassis.service import Service
from clients.identity.client import IdentityClient
from clients.identity.copies import WATCHES, rules_in
from clients.sales.client import SalesClient

BILLING = Service(
    name="billing",
    title="Execos billing",
    settings=BillingSettings,
    metadata=Row.metadata,
    migrations=Path(__file__).parents[2] / "migrations",
    routers=[invoices.routes, payments.routes, payments.invoice_routes],
    constraints={"ck_invoice_paid": Overpayment("That is more than is owed.")},
    handlers=HANDLERS,
    jobs=jobs,
    watches=WATCHES,
    rules_of=rules_in(ORGANISATIONS),
    module="billing",
    callers=CALLERS,
    serve_rpc=serve_billing,
    peers=lambda settings, peer: {
        IdentityClient: IdentityClient(peer("identity", settings.identity_grpc)),
        SalesClient: SalesClient(peer("sales", settings.sales_grpc)),
    },
)
