"""The identity service with an organisation and its owner."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr
from services.identity.tests.place import CHEAP_KIB, BothKeys, Place

from chassis.testing.plugin import Start
from identity.main import IDENTITY, prepare
from identity.passwords import Passwords
from identity.reception import Reception

ROOT_DOMAIN = "execos.localhost"
SETTINGS = {
    "encryption_key": SecretStr(base64.b64encode(b"k" * 32).decode()),
    "previous_encryption_key": None,
    "refresh_key": SecretStr("r" * 43),
    "allowed_origins": "http://localhost:3000, https://app.test",
    "cookie_samesite": "none",
    "root_domain": ROOT_DOMAIN,
    "public_base_url": "https://localhost:8443",
    "passkey_rp_id": "",
    "organisations_per_day": 20,
    "invitations_per_day": 20,
    "allow_signup": True,
    "sign_ups_per_day": 100_000,
}


@pytest.fixture
async def place(start: Start) -> AsyncIterator[Place]:
    """An organisation with an owner who can sign in."""
    stand = await start(IDENTITY, {}, **SETTINGS)
    await prepare(stand.runtime)
    reception = replace(
        stand.runtime.part(Reception), passwords=Passwords(memory_kib=CHEAP_KIB), pause_seconds=0.02
    )
    stand.runtime.parts[Reception] = reception
    stand.runtime.verifier.keys = BothKeys(reception.keyring)
    place = Place(stand, reception)
    place.owner = await place.open()
    stand.org_id = place.owner.org_id
    yield place
    await reception.settle()
    for browser in place.browsers:
        await browser.aclose()
    reception.passwords.close()
