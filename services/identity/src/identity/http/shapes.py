"""Pieces that several of identity's schemas share."""

import unicodedata
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from chassis.schema import In, Out, Text, Verbatim
from identity.domain.accounts import MAX_EMAIL, MAX_PASSWORD, normal_email
from identity.domain.own_roles import MAX_KEY
from identity.domain.policies import network
from identity.domain.refresh_tokens import MAX_TEXT

# The library's documented way: who hosts this in a network of their own has mailboxes under such names.
SPECIAL_USE_DOMAIN_NAMES[:] = [name for name in SPECIAL_USE_DOMAIN_NAMES if name not in {"local", "test"}]


BREAKING = frozenset({"Cc", "Zl", "Zp"})
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what stands around them (Unicode TR 9)."""


def _email(text: str) -> str:
    try:
        checked = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, allow_quoted_local=False
        )
    except EmailNotValidError:
        raise ValueError("must be an e-mail address") from None
    return normal_email(checked.normalized)


def _written(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be text") from None
    return text


def _one_line(text: str) -> str:
    if any(unicodedata.category(char) in BREAKING or char in TURNING for char in text):
        raise ValueError("must be one line, without control characters")
    return text


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError("must be an IANA time zone, such as Europe/Berlin")
    return text


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _printed(value: Any) -> Any:
    return "".join(value.split()).upper() if isinstance(value, str) else value


def _network(text: str) -> str:
    try:
        return network(text)
    except ValueError:
        raise ValueError("must be an IP address or a network in CIDR form") from None


Email = Annotated[
    Text,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=MAX_EMAIL),
    AfterValidator(_email),
]
"""A plain e-mail address, in lower case."""

Written = AfterValidator(_written)
"""For text that is taken as it is: stripping, which also refuses lone surrogates, is not for passwords. Comes last."""
Password = Annotated[Verbatim, StringConstraints(min_length=1, max_length=MAX_PASSWORD), Written]
"""As it is typed, edge spaces included; how long a new one must be is a rule of the organisations."""
TotpCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$", max_length=6)]
"""What an authenticator app shows."""
LinkToken = Annotated[Verbatim, StringConstraints(min_length=1, max_length=MAX_TEXT), Written]
"""The last segment of a link in a mail."""

PersonName = Annotated[Text, StringConstraints(min_length=2, max_length=120), AfterValidator(_one_line)]
OrganisationName = Annotated[Text, StringConstraints(min_length=2, max_length=80), AfterValidator(_one_line)]
"""As it stands in lists, mails and the audit log, where it must not look like more than a name."""
TimeZone = Annotated[Text, StringConstraints(min_length=1, max_length=64), AfterValidator(_zone)]
Locale = Annotated[
    Text, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$", max_length=35)
]
Network = Annotated[Text, StringConstraints(min_length=2, max_length=64), AfterValidator(_network)]
Printed = BeforeValidator(_printed)
"""A number that people copy with the spaces it is printed with, in any case."""
RoleKey = Annotated[
    Text,
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", min_length=2, max_length=MAX_KEY, to_upper=True),
]
"""The key of a role, of the system or of the organisation, in upper case whatever the client wrote."""
UpperCase = BeforeValidator(_upper)
"""Keys are case-insensitive in requests (spec/wire.md 8)."""


class NothingIn(In):
    """An empty JSON object; who asks says everything."""


class SuccessOut(Out):
    """It is done, or was done before."""

    success: Literal[True] = True
