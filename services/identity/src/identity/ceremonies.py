"""The two ceremonies of WebAuthn; what is asked needs no row, what is answered is verified by the library."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import structlog

from identity.domain.accounts import Account
from identity.domain.passkeys import CHALLENGE_LIFETIME, Passkey
from identity.domain.refresh_tokens import Seals

T = TypeVar("T")

log = structlog.get_logger()

RP_NAME = "Execos"
ANYBODY = UUID(int=0)
"""Whom a challenge to sign in is made for: it is not known yet who it will be."""
TIMEOUT_MS = int(CHALLENGE_LIFETIME.total_seconds() * 1000)


@dataclass(frozen=True)
class Answer:
    """What a browser sends back, as the standard names its fields, and the pages it may have been asked on."""

    credential: Mapping[str, Any]
    origins: frozenset[str]


class Challenge(NamedTuple):
    """A challenge of ours that can be answered still; `digest` is the name under which it is spent."""

    text: bytes
    digest: bytes
    expires_at: datetime


class Named(NamedTuple):
    """A passkey as its authenticator names it, and whose it says it is."""

    credential_id: bytes
    owner: bytes | None

    def is_of(self, user_id: UUID) -> bool:
        """Whether it says nothing else than that it is this person's."""
        return self.owner in {None, user_id.bytes}


class Registered(NamedTuple):
    """What is kept of a new authenticator."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True)
class Ceremonies:
    """Both ceremonies of one relying party. The user is always verified, so that a passkey is both factors."""

    rp_id: str
    seals: Seals

    def registration_options(
        self, account: Account, existing: Sequence[bytes], now: datetime
    ) -> dict[str, Any]:
        """What `navigator.credentials.create()` takes, as JSON; discoverable, so that no name is needed to sign in."""
        from webauthn import generate_registration_options  # noqa: PLC0415 - heavy, and for passkeys alone
        from webauthn.helpers import options_to_json_dict, structs  # noqa: PLC0415 - as above

        options = generate_registration_options(
            rp_id=self.rp_id,
            rp_name=RP_NAME,
            user_id=account.id.bytes,
            user_name=account.email,
            user_display_name=account.name,
            challenge=self.seals.challenge(account.id, now + CHALLENGE_LIFETIME),
            timeout=TIMEOUT_MS,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=each) for each in existing],
        )
        return options_to_json_dict(options)

    def login_options(self, now: datetime) -> dict[str, Any]:
        """What `navigator.credentials.get()` takes, as JSON: the same for everybody, so that it tells of nobody."""
        from webauthn import generate_authentication_options  # noqa: PLC0415 - heavy, and for passkeys alone
        from webauthn.helpers import options_to_json_dict, structs  # noqa: PLC0415 - heavy, and for passkeys alone

        options = generate_authentication_options(
            rp_id=self.rp_id,
            challenge=self.seals.challenge(ANYBODY, now + CHALLENGE_LIFETIME),
            timeout=TIMEOUT_MS,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def challenge(self, answer: Answer, subject: UUID, now: datetime) -> Challenge | None:
        """The challenge that an answer is to, if it is one of ours for this subject and not too old."""
        text = _accepted(lambda: _challenge_of(answer))
        expires_at = self.seals.read_challenge(text, subject) if text is not None else None
        if text is None or expires_at is None or now >= expires_at:
            return None
        return Challenge(text, hashlib.sha256(text).digest(), expires_at)

    def named(self, answer: Answer) -> Named | None:
        """Which passkey answers."""
        from webauthn.helpers import parse_authentication_credential_json  # noqa: PLC0415 - heavy, and for passkeys alone

        credential = _accepted(lambda: parse_authentication_credential_json(dict(answer.credential)))
        return Named(credential.raw_id, credential.response.user_handle) if credential else None

    def registered(self, answer: Answer, challenge: Challenge) -> Registered | None:
        """The new authenticator; None when anything about the answer is wrong."""
        from webauthn import verify_registration_response  # noqa: PLC0415 - heavy, and for passkeys alone

        verified = _accepted(
            lambda: verify_registration_response(
                credential=dict(answer.credential),
                expected_challenge=challenge.text,
                expected_rp_id=self.rp_id,
                expected_origin=sorted(answer.origins),
                require_user_verification=True,
            )
        )
        if verified is None:
            return None
        return Registered(verified.credential_id, verified.credential_public_key, verified.sign_count)

    def sign_count(self, answer: Answer, challenge: Challenge, passkey: Passkey) -> int | None:
        """How far the authenticator has counted; None when anything is wrong, or it has not counted on."""
        from webauthn import verify_authentication_response  # noqa: PLC0415 - heavy, and for passkeys alone

        verified = _accepted(
            lambda: verify_authentication_response(
                credential=dict(answer.credential),
                expected_challenge=challenge.text,
                expected_rp_id=self.rp_id,
                expected_origin=sorted(answer.origins),
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        )
        return verified.new_sign_count if verified else None


def _challenge_of(answer: Answer) -> bytes:
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json  # noqa: PLC0415 - heavy, and for passkeys alone

    response = cast("Mapping[str, str]", answer.credential["response"])
    return parse_client_data_json(base64url_to_bytes(response["clientDataJSON"])).challenge


def _accepted(read: Callable[[], T]) -> T | None:
    """What the library reads out of a stranger's bytes, or None."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - it parses certificates and CBOR; whatever it cannot read is refused
        log.info("passkey.refused", error=repr(error))
        return None
