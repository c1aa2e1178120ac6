"""What browsers give of passkeys, as the standard's JSON forms name it (WebAuthn 5.1)."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from chassis.schema import In, Out, Text
from identity.ceremonies import Answer
from identity.domain.passkeys import MAX_NAME

SHORT, LONG = 4096, 65536
Base64Url = StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=SHORT)
LongBase64Url = StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=LONG)
PasskeyName = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_NAME)]


class Browsers(In):
    """A part that browsers fill in; newer ones add fields to it, which are ignored."""

    model_config = ConfigDict(extra="ignore")


class AttestationIn(Browsers):
    """What a new authenticator says of itself."""

    client_statement: Annotated[str, Base64Url] = Field(alias="clientDataJSON")
    attestation_object: Annotated[str, LongBase64Url]


class AssertionIn(Browsers):
    """What an authenticator has signed."""

    client_statement: Annotated[str, Base64Url] = Field(alias="clientDataJSON")
    authenticator_statement: Annotated[str, Base64Url] = Field(alias="authenticatorData")
    signature: Annotated[str, Base64Url]
    owner: Annotated[str, Base64Url] | None = Field(None, alias="userHandle")


class Credential(Browsers):
    """What both ceremonies answer with."""

    id: Annotated[str, Base64Url]
    raw_id: Annotated[str, Base64Url]
    type: Literal["public-key"]

    def answer(self, origins: frozenset[str]) -> Answer:
        """As the ceremony takes it."""
        return Answer(self.model_dump(by_alias=True), origins)


class NewCredential(Credential):
    """The JSON form of what `navigator.credentials.create()` gives."""

    response: AttestationIn


class UsedCredential(Credential):
    """The JSON form of what `navigator.credentials.get()` gives."""

    response: AssertionIn


class OptionsOut(Out):
    """What the browser's `parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()` takes."""

    public_key: dict[str, Any]
