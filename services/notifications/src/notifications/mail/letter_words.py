"""The words that every mail about an account shares, in every language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LetterWords:
    """Salutation, what stands beside a link, and the end."""

    greeting: str
    greeting_by_name: str
    otherwise: str
    validity: str
    regards: str
    footer: str


WORDS = {
    "en": LetterWords(
        greeting="Hello,",
        greeting_by_name="Hello {name},",
        otherwise="If the button does not work, open this address:",
        validity="The link works once and is valid for {span}, until {until}.",
        regards="Kind regards",
        footer="This mail is about your account at Execos",
    ),
    "de": LetterWords(
        greeting="Guten Tag,",
        greeting_by_name="Guten Tag {name},",
        otherwise="Wenn die Schaltfläche nicht funktioniert, öffnen Sie diese Adresse:",
        validity="Der Link funktioniert einmal; Gültigkeit: {span}, bis {until}.",
        regards="Mit freundlichen Grüßen",
        footer="Diese E-Mail betrifft Ihr Konto bei Execos",
    ),
    "fr": LetterWords(
        greeting="Bonjour,",
        greeting_by_name="Bonjour {name},",
        otherwise="Si le bouton ne fonctionne pas, ouvrez cette adresse :",
        validity="Ce lien ne fonctionne qu'une fois ; validité : {span}, jusqu'au {until}.",
        regards="Cordialement",
        footer="Ce message concerne votre compte Execos",
    ),
}
