"""Second factors as people have them: an app that shows codes, an authenticator that signs (ES256, unattested)."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from services.identity.tests.place import Person, Place
from webauthn.helpers import bytes_to_base64url, encode_cbor

ORIGIN, RP_ID = "https://localhost:8443", "localhost"
PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """What makes and holds one passkey; its fields can be set to what must not be accepted."""

    origin: str = ORIGIN
    rp_id: str = RP_ID
    is_verifying: bool = True
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    user_handle: str = ""

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """The JSON form of what `navigator.credentials.create()` gives for these options."""
        self.user_handle = options["user"]["id"]
        length = len(self.credential_id).to_bytes(2)
        attested = bytes(16) + length + self.credential_id + self._cose_key()
        data = self._authenticator_data(WITH_KEY) + attested
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._credential(
            clientDataJSON=bytes_to_base64url(self._client_data("webauthn.create", options["challenge"])),
            attestationObject=bytes_to_base64url(attestation),
            transports=["internal"],
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """The JSON form of what `navigator.credentials.get()` gives for these options."""
        self.count += 1
        data, client_data = (
            self._authenticator_data(),
            self._client_data("webauthn.get", options["challenge"]),
        )
        signed = data + hashlib.sha256(client_data).digest()
        return self._credential(
            clientDataJSON=bytes_to_base64url(client_data),
            authenticatorData=bytes_to_base64url(data),
            signature=bytes_to_base64url(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            userHandle=self.user_handle,
        )

    def _credential(self, **response: Any) -> dict[str, Any]:
        name = bytes_to_base64url(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        ).encode()

    def _authenticator_data(self, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.is_verifying else 0)
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _cose_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})


@dataclass
class App:
    """An authenticator app with one seed, and the recovery codes that came with it."""

    place: Place
    secret: str
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, *, steps: int = 0) -> str:
        """What it shows now, or some steps of half a minute away."""
        return pyotp.TOTP(self.secret).at(self.place.stand.clock(), counter_offset=steps)


async def enroll(place: Place, person: Person) -> App:
    """Give somebody who is signed in an authenticator app; what it shows now was not used yet."""
    answer = await person.browser.post("/auth/totp/enroll")
    assert answer.status_code == 200, answer.text
    app = App(place, answer.json()["secret"])
    answer = await person.browser.post("/auth/totp/confirm", json={"code": app.code(steps=-1)})
    assert answer.status_code == 200, answer.text
    app.recovery_codes = answer.json()["recoveryCodes"]
    return app


async def register(person: Person, authenticator: Authenticator, **more: Any) -> Any:
    """Register an authenticator for somebody who is signed in; the answer."""
    asked = await person.browser.post("/auth/passkeys/register/options")
    assert asked.status_code == 200, asked.text
    credential = authenticator.create(asked.json()["publicKey"])
    return await person.browser.post(
        "/auth/passkeys/register/verify", json={"credential": credential, **more}
    )


async def assertion(person: Person, authenticator: Authenticator) -> dict[str, Any]:
    """An answer of an authenticator to a fresh challenge."""
    asked = await person.browser.post("/auth/passkeys/login/options")
    assert asked.status_code == 200, asked.text
    return authenticator.get(asked.json()["publicKey"])
