"""Secrets are taken as they are: no composing, no trimming, so that what was hashed is what is compared."""

from typing import Any

import pytest
from pydantic import BaseModel

from identity.http.addresses import EmailChangeIn, VerificationIn
from identity.http.auth import LoginIn
from identity.http.invitations import AcceptanceIn
from identity.http.passwords import PasswordChangeIn, PasswordResetIn
from identity.http.platform import PlatformLoginIn
from identity.http.second_factors import ProofIn
from identity.http.sign_up import SignUpIn

EMAIL = {"email": "a@b.test"}
ORGANISATION = {"organisation": {"name": "Brandt", "slug": "brandt"}}
SECRETS: list[tuple[type[BaseModel], dict[str, Any], list[str]]] = [
    (LoginIn, EMAIL, ["password", "recoveryCode"]),
    (PlatformLoginIn, EMAIL, ["password"]),
    (PlatformLoginIn, {}, ["bootstrapToken"]),
    (PasswordChangeIn, {}, ["currentPassword", "newPassword"]),
    (PasswordResetIn, {}, ["token", "newPassword"]),
    (SignUpIn, EMAIL | ORGANISATION | {"name": "Olga"}, ["password"]),
    (AcceptanceIn, {}, ["password"]),
    (ProofIn, {}, ["password"]),
    (VerificationIn, {}, ["token"]),
    (EmailChangeIn, {"newEmail": "a@b.test"}, ["password"]),
]


@pytest.mark.parametrize("secret", ["a\u0308 o\u0308", "a\u00a0  b", "a\u200b", "a\x01\x7f\nb", "\u200b"])
@pytest.mark.parametrize(("model", "others", "fields"), SECRETS)
def test_a_secret_is_taken_as_it_is(
    model: type[BaseModel], others: dict[str, Any], fields: list[str], secret: str
) -> None:
    read = model.model_validate(others | dict.fromkeys(fields, secret)).model_dump(by_alias=True)
    assert [read[field] for field in fields] == [secret] * len(fields)
