"""A mail as a message: words filled into templates, headers that cannot be injected, the document attached."""

from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from chassis.money import Money
from notifications.domain.addresses import parse_address
from notifications.domain.language import Language, language_of
from notifications.mail.texts import INVOICE_WORDS

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = files("notifications.mail").joinpath("templates")


class Unwritable(Exception):
    """The mail can never be written; the message says why, without addresses."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that an invoice mail is written from."""

    message_id: str
    to_address: str
    from_address: str
    public_base_url: str
    written_at: datetime
    organisation: str
    legal: dict[str, Any] | None
    locale: str
    content: dict[str, Any]
    attachment: tuple[str, bytes]

    @property
    def seller(self) -> str:
        """The seller's name: the legal one where it is known."""
        return _one_line((self.legal or {}).get("legal_name") or self.organisation)

    @property
    def reply_to(self) -> str | None:
        """Where answers go: the seller's own address, if it is one."""
        address: str | None = (self.legal or {}).get("email")
        try:
            return str(parse_address(address or ""))
        except ValueError:
            return None


def write(letter: Letter) -> EmailMessage:
    """The message, the same on every try; Unwritable when the buyer's address is none."""
    words = _words(letter)
    message = EmailMessage()
    message["From"] = parse_address(letter.from_address, name=letter.seller)
    try:
        message["To"] = parse_address(letter.to_address)
    except ValueError:
        raise Unwritable("the buyer's e-mail address is none") from None
    if letter.reply_to:
        message["Reply-To"] = parse_address(letter.reply_to, name=letter.seller)
    message["Subject"] = words["subject"]
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = letter.message_id
    message["Auto-Submitted"] = "auto-generated"
    text, html = _templates("invoice_sent")
    message.set_content(text.render(words))
    message.add_alternative(html.render(words), subtype="html")
    filename, pdf = letter.attachment
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=_one_line(filename))
    message["Content-Language"] = words["language"]
    return message


def _words(letter: Letter) -> dict[str, Any]:
    language = language_of(letter.locale)
    words = INVOICE_WORDS[language.code]
    names = {"number": _one_line(letter.content["number"]), "seller": letter.seller}
    return {
        "language": language.code,
        "words": words,
        "subject": words.subject.format(**names),
        "intro": words.intro.format(**names),
        "footer": words.footer.format(**names),
        "seller": letter.seller,
        "reply_to": letter.reply_to,
        "base_url": letter.public_base_url,
        **_facts(letter, language),
    }


def _facts(letter: Letter, language: Language) -> dict[str, Any]:
    content, legal, words = letter.content, letter.legal or {}, INVOICE_WORDS[language.code]
    amount = language.money(Money(content["minor"], content["currency"]))
    due_on = _day(content["dueOn"], language)
    account = " ".join(part for part in (legal.get("iban"), legal.get("bic")) if part)
    facts = (
        (words.number, content["number"]),
        (words.issued_on, _day(content["issuedOn"], language)),
        (words.amount, amount),
        (words.due_on, due_on),
        (words.account, account),
    )
    return {"amount": amount, "due_on": due_on, "facts": [(label, value) for label, value in facts if value]}


@cache
def _templates(name: str) -> "tuple[Template, Template]":
    """Text and HTML of a template; MJML is compiled first, its result is filled in with everything escaped."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - heavy, and only needed once a mail is written
    from mjml import mjml2html  # noqa: PLC0415 - as above

    options: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    text = Environment(autoescape=False, **options)  # noqa: S701 - plain text has nothing to escape
    html = Environment(autoescape=True, **options)
    compiled = mjml2html(TEMPLATES.joinpath(f"{name}.mjml").read_text())
    return text.from_string(TEMPLATES.joinpath(f"{name}.txt").read_text()), html.from_string(compiled)


def _day(text: str, language: Language) -> str:
    return language.day(date.fromisoformat(text)) if text else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
