"""A letter as a message: filled into the one template, headers that cannot be injected, documents attached."""

from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from notifications.domain.addresses import parse_address

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = files("notifications.mail").joinpath("templates")


class Unwritable(Exception):
    """The mail can never be written; the message says why, without addresses."""


class Button(NamedTuple):
    """The one thing to do, and what stands before its link as text."""

    label: str
    url: str
    otherwise: str


class Document(NamedTuple):
    """A PDF that goes with a letter."""

    filename: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says: from whom, to whom, in which language. A subject or sender of several lines is refused."""

    language: str
    to_address: str
    sender: str
    subject: str
    preview: str
    greeting: str
    paragraphs: tuple[str, ...]
    regards: str
    footer: str
    facts: tuple[tuple[str, str], ...] = ()
    """Labels and values; what has no value is left out."""
    button: Button | None = None
    notes: tuple[str, ...] = ()
    """What is worth knowing after the main thing: how long a link lives, what to do if it was not you."""
    reply_to: str | None = None
    documents: tuple[Document, ...] = field(default=())


class Postmark(NamedTuple):
    """What all letters have from outside: their Message-ID, their date, and whose mail server and web console it is."""

    message_id: str
    written_at: datetime
    from_address: str
    base_url: str


def write(letter: Letter, postmark: Postmark) -> EmailMessage:
    """The message, the same on every try; Unwritable when the recipient's address is none."""
    message = EmailMessage()
    message["From"] = parse_address(postmark.from_address, name=letter.sender)
    try:
        message["To"] = parse_address(letter.to_address)
    except ValueError:
        raise Unwritable("the recipient's e-mail address is none") from None
    if letter.reply_to:
        message["Reply-To"] = parse_address(letter.reply_to, name=letter.sender)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(postmark.written_at)
    message["Message-ID"] = postmark.message_id
    message["Auto-Submitted"] = "auto-generated"
    text, html = _templates()
    words: dict[str, Any] = {"letter": letter, "base_url": postmark.base_url}
    message.set_content(text.render(words))
    message.add_alternative(html.render(words), subtype="html")
    for document in letter.documents:
        name = one_line(document.filename)
        message.add_attachment(document.content, maintype="application", subtype="pdf", filename=name)
    message["Content-Language"] = letter.language
    return message


@cache
def _templates() -> "tuple[Template, Template]":
    """Text and HTML; MJML is compiled first, its result is filled in with everything escaped."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - heavy, and only needed once a mail is written
    from mjml import mjml2html  # noqa: PLC0415 - as above

    options: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    text = Environment(autoescape=False, **options)  # noqa: S701 - plain text has nothing to escape
    html = Environment(autoescape=True, **options)
    compiled = mjml2html(TEMPLATES.joinpath("letter.mjml").read_text())
    return text.from_string(TEMPLATES.joinpath("letter.txt").read_text()), html.from_string(compiled)


def one_line(text: str) -> str:
    """Without line ends and with single spaces: names come from people."""
    return " ".join(text.split())
