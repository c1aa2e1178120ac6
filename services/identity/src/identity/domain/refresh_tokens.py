"""Sealed texts: tokens and marks that only identity can make, with nothing to store (spec/wire.md 8)."""

import base64
import binascii
import hashlib
import hmac
import os
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from chassis.ids import new_id
from identity.domain.mail_links import LinkKind

MAC_BYTES = 32
ID_BYTES = 16
COUNTER_BYTES = 4
INSTANT_BYTES = 8
MAX_TEXT = 256


class Spent(NamedTuple):
    """What a refresh token says: which session, and the how-manieth token of it."""

    session_id: UUID
    counter: int


class MailToken(NamedTuple):
    """What the token of a mail link says: which link, and of an invitation the how-manieth mail."""

    link_id: UUID
    generation: int


class Seals:
    """Makes and reads sealed texts; each purpose has a key of its own, derived from the deployment's."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def refresh_token(self, session_id: UUID, counter: int) -> str:
        """The refresh token of a session by its number."""
        return self._seal(b"refresh", session_id.bytes + counter.to_bytes(COUNTER_BYTES))

    def read_refresh_token(self, text: str) -> Spent | None:
        """What a refresh token says, or None when identity did not make it."""
        content = self._open(b"refresh", text)
        if content is None or len(content) != ID_BYTES + COUNTER_BYTES:
            return None
        return Spent(UUID(bytes=content[:ID_BYTES]), int.from_bytes(content[ID_BYTES:]))

    def device_mark(self, user_id: UUID, device_id: UUID | None = None) -> str:
        """The mark of a device on which this person has signed in."""
        return self._seal(b"device", user_id.bytes + (device_id or new_id()).bytes)

    def read_device_mark(self, text: str, user_id: UUID) -> UUID | None:
        """The device, if the mark was made for this person."""
        content = self._open(b"device", text)
        if content is None or len(content) != 2 * ID_BYTES or content[:ID_BYTES] != user_id.bytes:
            return None
        return UUID(bytes=content[ID_BYTES:])

    def mail_token(self, kind: LinkKind, link_id: UUID, generation: int = 0) -> str:
        """The last segment of a link; the same text every time."""
        return self._seal(_mail(kind), link_id.bytes + generation.to_bytes(COUNTER_BYTES))

    def read_mail_token(self, kind: LinkKind, text: str) -> MailToken | None:
        """What a token says, or None when identity did not make it for this kind of link."""
        content = self._open(_mail(kind), text)
        if content is None or len(content) != ID_BYTES + COUNTER_BYTES:
            return None
        return MailToken(UUID(bytes=content[:ID_BYTES]), int.from_bytes(content[ID_BYTES:]))

    def credential_mark(self, credential: str) -> str:
        """What a platform token says of the credential it was made with: another password makes another mark."""
        return self._mac(b"credential", credential.encode()).hex()[: 2 * ID_BYTES]

    def challenge(self, subject: UUID, expires_at: datetime) -> bytes:
        """Something to sign, that only this subject may and until then (whole seconds)."""
        until = int(expires_at.timestamp()).to_bytes(INSTANT_BYTES)
        return self._seal(b"challenge", os.urandom(ID_BYTES) + subject.bytes + until).encode()

    def read_challenge(self, challenge: bytes, subject: UUID) -> datetime | None:
        """Until when it may be answered; None when it was not made for this subject."""
        content = self._open(b"challenge", challenge.decode("ascii", "replace"))
        if content is None or content[ID_BYTES:-INSTANT_BYTES] != subject.bytes:
            return None
        return datetime.fromtimestamp(int.from_bytes(content[-INSTANT_BYTES:]), UTC)

    def bucket(self, email: str, device_id: UUID | None) -> bytes:
        """The name under which attempts are counted; it does not tell the address."""
        return self._mac(b"attempts", f"{email}\x00{device_id or ''}".encode())

    def sign_up_bucket(self, ip: str) -> bytes:
        """The name under which sign-ups from a client's address are counted."""
        return self._mac(b"sign-ups", ip.encode())

    def _seal(self, purpose: bytes, content: bytes) -> str:
        return base64.urlsafe_b64encode(content + self._mac(purpose, content)).decode().rstrip("=")

    def _open(self, purpose: bytes, text: str) -> bytes | None:
        if len(text) > MAX_TEXT:
            return None
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        content, mac = sealed[:-MAC_BYTES], sealed[-MAC_BYTES:]
        return content if hmac.compare_digest(mac, self._mac(purpose, content)) else None

    def _mac(self, purpose: bytes, content: bytes) -> bytes:
        key = hmac.digest(self._secret, b"execos.identity." + purpose, hashlib.sha256)
        return hmac.digest(key, content, hashlib.sha256)


def _mail(kind: LinkKind) -> bytes:
    return b"mail." + kind.encode()
