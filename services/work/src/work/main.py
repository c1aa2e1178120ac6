"""What the work service is made of."""

from pathlib import Path

from chassis.service import Service
from clients.identity.client import IdentityClient
from clients.identity.copies import WATCHES, rules_in
from clients.sales.client import SalesClient
from work.consumed import HANDLERS
from work.copies import ORGANISATIONS
from work.domain.rows import Row
from work.http.items import items
from work.settings import WorkSettings

WORK = Service(
    name="work",
    title="Execos work",
    settings=WorkSettings,
    metadata=Row.metadata,
    migrations=Path(__file__).parents[2] / "migrations",
    routers=[items],
    handlers=HANDLERS,
    watches=WATCHES,
    rules_of=rules_in(ORGANISATIONS),
    module="work",
    peers=lambda settings, peer: {
        IdentityClient: IdentityClient(peer("identity", settings.identity_grpc)),
        SalesClient: SalesClient(peer("sales", settings.sales_grpc)),
    },
)
