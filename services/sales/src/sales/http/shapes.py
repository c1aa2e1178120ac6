"""Shapes that several doors of sales share."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic.alias_generators import to_camel

from chassis.paging import PageQuery
from chassis.schema import Country, In, Moment, Out, Text
from sales.domain.channels import MAX_CHANNELS
from sales.domain.custom_fields import MAX_TEXT
from sales.domain.pipelines import MAX_KEY
from sales.domain.tags import MAX_TAGS
from sales.domain.vat import MAX_LENGTH, normalised_vat_id
from sales.http.labels import TagName

MAX_PHONE = 50


def _email(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - heavy, needed seldom

    try:
        # "test_environment" only means that the reserved domain .test is a domain too.
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise ValueError("must be an e-mail address") from None


def _phone(text: str) -> str:
    if not any(character.isdigit() for character in text):
        raise ValueError("must hold digits")
    if len(text) > MAX_PHONE:
        raise ValueError(f"must have at most {MAX_PHONE} characters")
    return text


ShortText = Annotated[Text, StringConstraints(max_length=255)]
"""Up to 255 characters."""

Email = Annotated[
    Text,
    StringConstraints(max_length=255),
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email"}),
]
"""An e-mail address; whether it exists is not asked."""

Phone = Annotated[Text, StringConstraints(max_length=MAX_PHONE), AfterValidator(_phone)]
"""A telephone number as people write it."""

VatId = Annotated[Text, StringConstraints(max_length=MAX_LENGTH + 8), AfterValidator(normalised_vat_id)]
"""A VAT identification number, kept without separators."""

StageKey = Annotated[Text, StringConstraints(max_length=MAX_KEY, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""The key of a stage of a pipeline."""

Notes = Annotated[Text, StringConstraints(max_length=10_000)]
Reason = Annotated[Text, StringConstraints(max_length=1000)]


class Named(Out):
    """Another row by id and name."""

    id: UUID
    name: str


class AddressIn(In):
    """A postal address; any part may be left out: of an address that is there already it stays, null clears it."""

    line1: ShortText | None = None
    line2: ShortText | None = None
    postal_code: Annotated[Text, StringConstraints(max_length=20)] | None = None
    city: ShortText | None = None
    region: ShortText | None = None
    country: Country | None = Field(None, description="ISO 3166-1 alpha-2.")

    def parts(self) -> dict[str, Any]:
        """Those that the client sent, by API name, as the column keeps them."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class AddressOut(Out):
    """A postal address."""

    model_config = ConfigDict(alias_generator=to_camel)

    line1: str | None
    line2: str | None
    postal_code: str | None
    city: str | None
    region: str | None
    country: str | None


def _reached(value: str, channel: ValidationInfo) -> str:
    check = {"email": _email, "phone": _phone}.get(channel.data.get("kind", ""))
    return check(value) if check else value


class ChannelIn(In):
    """How a contact is reached: by an e-mail address or a telephone number."""

    kind: Literal["email", "phone"]
    value: Annotated[Text, StringConstraints(max_length=255), AfterValidator(_reached)]
    is_primary: bool = False


ChannelsIn = Annotated[list[ChannelIn], Field(max_length=MAX_CHANNELS)]


class ChannelOut(Out):
    """How a contact is reached."""

    model_config = ConfigDict(alias_generator=to_camel)

    kind: Literal["email", "phone"]
    value: str
    is_primary: bool


class RowsQuery(PageQuery):
    """Query parameters that every list of sales takes."""

    owner_user_id: UUID | None = None
    q: Annotated[Text, StringConstraints(max_length=255)] | None = Field(
        None, description="Text to be found."
    )
    created_from: Moment | None = Field(
        None, description="A date begins at midnight in the organisation's zone."
    )
    created_to: Moment | None = Field(
        None, description="A date includes its whole day in the organisation's zone."
    )

    tag: list[TagName] = Field(
        default=[], max_length=MAX_TAGS, description="By name; several: rows that carry all of them."
    )
    custom: dict[str, Annotated[Text, StringConstraints(max_length=MAX_TEXT)]] = Field(
        default={}, alias="cf.", max_length=MAX_TAGS, description="`cf.<key>=` filters by a custom field."
    )

    def filters(self) -> dict[str, Any]:
        """The filters as the store knows them; None is no filter."""
        return {
            "tags": self.tag or None,
            "custom": self.custom or None,
            "owner_user_id": self.owner_user_id,
            "q": self.q or None,
            **_by_kind("created_from", self.created_from),
            **_by_kind("created_to", self.created_to),
        }


class ArchivableQuery(RowsQuery):
    """The same of rows that can be archived."""

    archived: bool = Field(default=False, description="Include the archived ones.")

    def filters(self) -> dict[str, Any]:
        """The same, and only live rows unless archived ones are wanted too."""
        return super().filters() | {"live": None if self.archived else True}


def _by_kind(name: str, moment: date | None) -> dict[str, Any]:
    kind = "at" if isinstance(moment, datetime) else "day"
    return {f"{name}_{kind}": moment}
