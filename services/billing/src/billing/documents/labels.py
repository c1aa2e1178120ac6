"""The words of an invoice in the languages of the platform."""

from collections.abc import Mapping

LABELS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Invoice",
        "void": "VOID",
        "number": "Invoice number",
        "reference": "Reference",
        "issued": "Date",
        "due": "Due",
        "description": "Description",
        "quantity": "Quantity",
        "unitPrice": "Unit price",
        "discount": "Discount",
        "tax": "Tax",
        "lineNet": "Net",
        "net": "Net total",
        "taxOn": "Tax {rate} on {taxable}",
        "gross": "Total to pay",
        "vatId": "VAT ID",
        "taxId": "Tax number",
        "registration": "Register",
        "page": "Page",
    },
    "de": {
        "title": "Rechnung",
        "void": "STORNIERT",
        "number": "Rechnungsnummer",
        "reference": "Referenz",
        "issued": "Datum",
        "due": "Fällig am",
        "description": "Beschreibung",
        "quantity": "Menge",
        "unitPrice": "Einzelpreis",
        "discount": "Rabatt",
        "tax": "USt.",
        "lineNet": "Netto",
        "net": "Nettobetrag",
        "taxOn": "USt. {rate} auf {taxable}",
        "gross": "Gesamtbetrag",
        "vatId": "USt-IdNr.",
        "taxId": "Steuernummer",
        "registration": "Register",
        "page": "Seite",
    },
    "fr": {
        "title": "Facture",
        "void": "ANNULÉE",
        "number": "Numéro de facture",
        "reference": "Référence",
        "issued": "Date",
        "due": "Échéance",
        "description": "Désignation",
        "quantity": "Quantité",
        "unitPrice": "Prix unitaire",
        "discount": "Remise",
        "tax": "TVA",
        "lineNet": "Montant HT",
        "net": "Total HT",
        "taxOn": "TVA {rate} sur {taxable}",
        "gross": "Total à payer",
        "vatId": "N° TVA",
        "taxId": "N° fiscal",
        "registration": "Registre",
        "page": "Page",
    },
}
FALLBACK = "en"


def language_of(locale: str) -> str:
    """The language of a BCP 47 tag, or English where we do not speak it."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language if language in LABELS else FALLBACK
