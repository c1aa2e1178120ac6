"""The notifications service with its peers as fakes and a real mail server."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from services.notifications.tests.mail_server import mail_server
from services.notifications.tests.place import LEGAL, Place

from chassis.testing.plugin import Start
from clients.billing.client import BillingClient
from clients.billing.fake import FakeBilling
from clients.identity.client import IdentityClient
from clients.identity.fake import FakeIdentity
from notifications.main import NOTIFICATIONS
from notifications.smtp import Mailer

SENDER, ANSWERS = "no-reply@execos.test", "help@execos.test"


@pytest.fixture
async def place(start: Start) -> AsyncIterator[Place]:
    """An organisation that is known here, with a mail server that takes everything."""
    identity, billing = FakeIdentity(), FakeBilling()
    async with mail_server() as mails:
        url = SecretStr(f"smtp://127.0.0.1:{mails.port}")
        parts = {IdentityClient: identity, BillingClient: billing, Mailer: Mailer(url, sender=SENDER)}
        stand = await start(NOTIFICATIONS, parts, mail_from=SENDER, mail_reply_to=ANSWERS, smtp_url=url)
        place = Place(stand, identity, billing, mails)
        await place.organisation(legal=LEGAL)
        yield place
