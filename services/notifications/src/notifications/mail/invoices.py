"""The mail with which an invoice goes to its buyer, in the seller's language."""

from datetime import date
from typing import Any, NamedTuple

from chassis.money import Money
from notifications.domain.addresses import parse_address
from notifications.domain.language import Language, language_of
from notifications.mail.invoice_words import WORDS
from notifications.mail.messages import Document, Letter, one_line


class Seller(NamedTuple):
    """The organisation that sends the invoice."""

    organisation: str
    locale: str
    legal: dict[str, Any]

    @property
    def name(self) -> str:
        """The legal name where it is known."""
        return one_line(self.legal.get("legal_name") or self.organisation)

    @property
    def address(self) -> str | None:
        """Where answers go: the seller's own address, if it is one."""
        try:
            return str(parse_address(self.legal.get("email") or ""))
        except ValueError:
            return None


def invoice_letter(to_address: str, content: dict[str, Any], seller: Seller, document: Document) -> Letter:
    """The letter to the buyer."""
    language = language_of(seller.locale)
    words = WORDS[language.code]
    names = {"number": one_line(content["number"]), "seller": seller.name}
    amount = language.money(Money(content["minor"], content["currency"]))
    due_on = _day(content["dueOn"], language)
    account = " ".join(part for part in (seller.legal.get("iban"), seller.legal.get("bic")) if part)
    facts = (
        (words.number, content["number"]),
        (words.issued_on, _day(content["issuedOn"], language)),
        (words.amount, amount),
        (words.due_on, due_on),
        (words.account, account),
    )
    return Letter(
        language=language.code,
        to_address=to_address,
        sender=seller.name,
        reply_to=seller.address,
        subject=words.subject.format(**names),
        preview=f"{words.amount}: {amount}, {words.due_on}: {due_on}",
        greeting=words.greeting,
        paragraphs=(words.intro.format(**names),),
        facts=tuple((label, value) for label, value in facts if value),
        notes=(words.reply,) if seller.address else (),
        regards=words.regards,
        footer=words.footer.format(**names),
        documents=(document,),
    )


def _day(text: str, language: Language) -> str:
    return language.day(date.fromisoformat(text)) if text else ""
