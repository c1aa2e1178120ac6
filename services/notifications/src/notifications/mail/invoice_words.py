"""The words of the invoice mail in every language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InvoiceWords:
    """Sentences with `{number}` and `{seller}` to fill in, and labels of the facts."""

    subject: str
    greeting: str
    intro: str
    number: str
    issued_on: str
    due_on: str
    amount: str
    account: str
    reply: str
    regards: str
    footer: str


WORDS = {
    "en": InvoiceWords(
        subject="Invoice {number} from {seller}",
        greeting="Hello,",
        intro="please find attached invoice {number} from {seller}.",
        number="Invoice",
        issued_on="Issued on",
        due_on="Due on",
        amount="Amount",
        account="Account",
        reply="If you have any question, just reply to this mail.",
        regards="Kind regards",
        footer="Sent for {seller} with Execos",
    ),
    "de": InvoiceWords(
        subject="Rechnung {number} von {seller}",
        greeting="Guten Tag,",
        intro="anbei erhalten Sie die Rechnung {number} von {seller}.",
        number="Rechnung",
        issued_on="Rechnungsdatum",
        due_on="Fällig am",
        amount="Betrag",
        account="Bankverbindung",
        reply="Bei Fragen antworten Sie einfach auf diese E-Mail.",
        regards="Mit freundlichen Grüßen",
        footer="Versandt für {seller} mit Execos",
    ),
    "fr": InvoiceWords(
        subject="Facture {number} de {seller}",
        greeting="Bonjour,",
        intro="veuillez trouver ci-joint la facture {number} de {seller}.",
        number="Facture",
        issued_on="Date",
        due_on="Échéance",
        amount="Montant",
        account="Compte",
        reply="Pour toute question, répondez simplement à ce message.",
        regards="Cordialement",
        footer="Envoyé pour {seller} avec Execos",
    ),
}
