"""What the notifications service is made of."""

from pathlib import Path

from chassis.service import Service
from clients.billing.client import BillingClient
from clients.identity.client import IdentityClient
from clients.identity.copies import WATCHES, rules_in
from notifications.backfill import backfill
from notifications.consumed import HANDLERS
from notifications.copies import ORGANISATIONS
from notifications.domain.rows import Row
from notifications.http.notifications import notifications
from notifications.sending import JOBS
from notifications.settings import NotificationsSettings
from notifications.smtp import Mailer

NOTIFICATIONS = Service(
    name="notifications",
    title="Execos notifications",
    settings=NotificationsSettings,
    metadata=Row.metadata,
    migrations=Path(__file__).parents[2] / "migrations",
    routers=[notifications],
    handlers=HANDLERS,
    watches=WATCHES,
    rules_of=rules_in(ORGANISATIONS),
    module="notifications",
    peers=lambda settings, peer: {
        IdentityClient: IdentityClient(peer("identity", settings.identity_grpc)),
        BillingClient: BillingClient(peer("billing", settings.billing_grpc)),
        Mailer: Mailer(settings.smtp_url, sender=settings.mail_from),
    },
    jobs=JOBS,
    commands={"backfill": backfill},
)
