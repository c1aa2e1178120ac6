"""Encryption at rest: AES-256-GCM, bound to the place of the value; two keys are valid during a rotation."""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12


class Unreadable(ValueError):
    """None of the configured keys opens the value."""


class Cipher:
    """Seals with the present key, opens with it or the one before."""

    def __init__(self, key: bytes, previous: bytes | None = None) -> None:
        self._key_id = _key_id(key)
        self._keys = {_key_id(each): AESGCM(each) for each in (key, previous) if each is not None}

    @property
    def key_id(self) -> bytes:
        """What everything begins with that the present key has sealed."""
        return self._key_id

    def seal(self, plain: bytes, place: str) -> bytes:
        """The value encrypted for one place, such as `table|column|row|org`."""
        nonce = os.urandom(NONCE_BYTES)
        return self._key_id + nonce + self._keys[self._key_id].encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The value again; Unreadable when key or place are others."""
        key_id, nonce = sealed[:KEY_ID_BYTES], sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES]
        try:
            return self._keys[key_id].decrypt(nonce, sealed[KEY_ID_BYTES + NONCE_BYTES :], place.encode())
        except (KeyError, InvalidTag):
            raise Unreadable(place) from None

    def reseal(self, sealed: bytes, place: str) -> bytes:
        """The same value sealed with the present key; as it is when that has sealed it already."""
        return sealed if sealed.startswith(self._key_id) else self.seal(self.open(sealed, place), place)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"execos.key-id" + key).digest()[:KEY_ID_BYTES]
