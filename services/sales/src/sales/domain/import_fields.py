"""What a column of a file can mean: the fields of each entity, and how they are found by what people call them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import Invalid
from sales.domain.imports import Entity

GERMAN = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"}
CUSTOM = re.compile(r"cf\.[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a column can be mapped to, and what people call it, in any language."""

    name: str
    headers: tuple[str, ...]
    is_required: bool = False
    is_match: bool = False
    parts: tuple[str, ...] = ()
    """Fields that can stand in its place."""

    def is_given(self, mapping: Mapping[str, str]) -> bool:
        """Whether it comes from a column, or from several."""
        return any(name in mapping for name in (self.name, *self.parts))


def _fields(*fields: Field) -> Mapping[str, Field]:
    return {field.name: field for field in fields}


ID = Field("id", ("id", "execos id"), is_match=True)
OWNER = Field(
    "owner",
    (
        "owner",
        "owner email",
        "account owner",
        "verantwortlich",
        "betreuer",
        "besitzer",
        "responsable",
        "proprietaire",
    ),
)
TAGS = Field("tags", ("tags", "labels", "schlagworte", "schlagwoerter", "etiquettes", "mots cles"))
NOTES = Field(
    "notes", ("notes", "note", "comment", "notizen", "bemerkung", "bemerkungen", "commentaire", "remarques")
)
COMPANY = Field(
    "company",
    ("company", "company name", "account", "organisation", "organization", "firma", "unternehmen", "kunde", "societe",
     "entreprise", "client"),
)  # fmt: skip
CONTACT = Field("contact", ("contact email", "kontakt email", "ansprechpartner email", "email du contact"))
TITLE = Field("title", ("title", "name", "subject", "titel", "bezeichnung", "betreff", "titre", "intitule", "objet"),
              is_required=True, is_match=True)  # fmt: skip
STAGE = Field("stage", ("stage", "status", "phase", "stufe", "etape", "statut"))
EMAIL = ("email", "e mail", "mail", "email address", "e mail address", "e mail adresse", "mailadresse", "courriel",
         "adresse email", "adresse e mail")  # fmt: skip
PHONE = ("phone", "phone number", "telephone", "tel", "mobile", "telefon", "telefonnummer", "rufnummer", "handy",
         "numero de telephone", "portable")  # fmt: skip

NAMES = ("firstName", "lastName")

FIELDS: Mapping[Entity, Mapping[str, Field]] = {
    Entity.COMPANY: _fields(
        ID,
        Field("name", ("name", "company", "company name", "account name", "organisation", "organization", "firma",
                       "firmenname", "unternehmen", "unternehmensname", "kunde", "nom", "societe", "entreprise",
                       "raison sociale"), is_required=True, is_match=True),
        Field("industry", ("industry", "sector", "branche", "industrie", "secteur")),
        Field("website", ("website", "web", "url", "homepage", "domain", "webseite", "internet", "site web", "site")),
        Field("phone", PHONE),
        Field("email", EMAIL, is_match=True),
        Field("legalName", ("legal name", "registered name", "rechtlicher name", "firmierung", "denomination sociale",
                            "nom legal")),
        Field("vatId", ("vat id", "vat", "vat number", "tax id", "ust id", "ust idnr", "ustid", "umsatzsteuer id",
                        "umsatzsteuer identifikationsnummer", "tva", "numero tva", "numero de tva"), is_match=True),
        Field("address.line1", ("address", "street", "address line 1", "line1", "adresse", "strasse",
                                "strasse und hausnummer", "anschrift", "rue")),
        Field("address.line2", ("address line 2", "line2", "adresszusatz", "complement d adresse")),
        Field("address.postalCode", ("postal code", "postcode", "zip", "zip code", "plz", "postleitzahl",
                                     "code postal")),
        Field("address.city", ("city", "town", "stadt", "ort", "ville")),
        Field("address.region", ("region", "state", "county", "province", "bundesland")),
        Field("address.country", ("country", "country code", "land", "pays")),
        OWNER,
        TAGS,
    ),
    Entity.CONTACT: _fields(
        ID,
        Field("name", ("name", "full name", "contact", "contact name", "vollstaendiger name", "kontakt",
                       "ansprechpartner", "nom", "nom complet"), is_required=True, is_match=True, parts=NAMES),
        Field("firstName", ("first name", "given name", "forename", "vorname", "prenom")),
        Field("lastName", ("last name", "surname", "family name", "nachname", "familienname", "nom de famille")),
        Field("title", ("title", "job title", "position", "role", "titel", "funktion", "fonction", "poste", "titre")),
        Field("email", EMAIL, is_match=True),
        Field("phone", PHONE),
        COMPANY,
        OWNER,
        TAGS,
    ),
    Entity.LEAD: _fields(
        ID,
        TITLE,
        STAGE,
        Field("source", ("source", "lead source", "quelle", "herkunft", "origine")),
        Field("category", ("category", "rating", "kategorie", "categorie")),
        NOTES,
        COMPANY,
        CONTACT,
        OWNER,
        TAGS,
    ),
    Entity.DEAL: _fields(
        ID,
        TITLE,
        STAGE,
        Field("company", COMPANY.headers, is_required=True),
        CONTACT,
        Field("valueAmount", ("value amount", "value", "amount", "deal value", "wert", "betrag", "auftragswert",
                              "summe", "montant", "valeur")),
        Field("currency", ("currency", "waehrung", "devise", "monnaie")),
        Field("expectedCloseDate", ("expected close date", "close date", "closing date", "abschlussdatum",
                                    "voraussichtlicher abschluss", "date de cloture")),
        Field("pipelineStage", ("pipeline stage", "deal stage", "sales stage", "verkaufsphase", "vertriebsphase",
                                "etape du pipeline")),
        Field("lostReason", ("lost reason", "verlustgrund", "raison de la perte")),
        NOTES,
        OWNER,
        TAGS,
    ),
}  # fmt: skip

MATCHED_BY: Mapping[Entity, tuple[str, ...]] = {
    Entity.COMPANY: ("id", "name"),
    Entity.CONTACT: ("id", "email"),
    Entity.LEAD: ("id", "title"),
    Entity.DEAL: ("id", "title"),
}
"""By which of its fields a row is looked for where nobody has said it: by the first for which it has a value."""


def suggest(entity: Entity, columns: Sequence[str]) -> dict[str, str]:
    """Field to column, where a column's header is a field's name or one of those that people use for it."""
    found = {column: column for column in columns if CUSTOM.fullmatch(column)}
    known = {plain(column): column for column in reversed(columns)}
    for name, field in FIELDS[entity].items():
        for header in (plain(name), *field.headers):
            if header in known and known[header] not in found.values():
                found[name] = known[header]
                break
    return found


def check_mapping(
    entity: Entity, columns: Sequence[str], mapping: Mapping[str, str], match_by: Iterable[str]
) -> None:
    """Invalid unless the fields and columns exist and whatever a row needs comes from one."""
    fields, issues = FIELDS[entity], []
    for name, column in mapping.items():
        if name not in fields and not CUSTOM.fullmatch(name):
            issues.append((f"mapping.{name}", "is no field that can be imported"))
        elif column not in columns:
            issues.append((f"mapping.{name}", "names no column of the file"))
    issues += [
        (f"mapping.{field.name}", "is required")
        for field in fields.values()
        if field.is_required and not field.is_given(mapping)
    ]
    for name in match_by:
        if name not in fields or not fields[name].is_match:
            matches = ", ".join(field.name for field in fields.values() if field.is_match)
            issues.append(("matchBy", f"must be of: {matches}"))
        elif not fields[name].is_given(mapping):
            issues.append(("matchBy", f"{name} is not mapped"))
    if issues:
        raise Invalid(fields=[{"field": name, "issues": [issue]} for name, issue in issues])


def full_name(name: str | None, first: str | None, last: str | None) -> str | None:
    """A person's name; where first names have a column and last names have none, these are in that of the name."""
    if name and first and not last and first.lower() not in name.lower():
        return f"{first} {name}"
    return name or " ".join(part for part in (first, last) if part) or None


def plain(header: str) -> str:
    """A header as it is looked for: small letters without accents, words apart by one space."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", header)
    german = spaced.lower().translate(GERMAN)
    letters = "".join(
        each for each in unicodedata.normalize("NFKD", german) if not unicodedata.combining(each)
    )
    return " ".join(re.findall(r"[a-z0-9]+", letters))
