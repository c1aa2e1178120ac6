"""The words of mails with a one-time link, by what the link is for and in every language."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkWords:
    """Sentences with `{organisation}`, `{inviter}`, `{role}` and `{email}` to fill in."""

    subject: str
    intro: str
    button: str
    advice: str


WORDS: Mapping[str, Mapping[str, LinkWords]] = {
    "INVITATION": {
        "en": LinkWords(
            subject="Your invitation to {organisation}",
            intro="{inviter} invites you to work in {organisation} on Execos, in the role {role}.",
            button="Accept the invitation",
            advice="If you do not know the sender, ignore this mail: without you, nothing happens.",
        ),
        "de": LinkWords(
            subject="Ihre Einladung zu {organisation}",
            intro="{inviter} lädt Sie ein, bei {organisation} mit Execos zu arbeiten, in der Rolle {role}.",
            button="Einladung annehmen",
            advice="Wenn Sie den Absender nicht kennen, ignorieren Sie diese E-Mail: Ohne Sie geschieht nichts.",
        ),
        "fr": LinkWords(
            subject="Votre invitation à rejoindre {organisation}",
            intro="{inviter} vous invite à rejoindre {organisation} sur Execos, avec le rôle {role}.",
            button="Accepter l'invitation",
            advice="Si vous ne connaissez pas l'expéditeur, ignorez ce message : rien ne se fait sans vous.",
        ),
    },
    "PASSWORD_RESET": {
        "en": LinkWords(
            subject="Set a new password",
            intro="Somebody, probably you, asked for a new password for the account of {email}.",
            button="Set a new password",
            advice="If it was not you, ignore this mail: your password stays as it is. Never pass the link on.",
        ),
        "de": LinkWords(
            subject="Neues Passwort festlegen",
            intro="Jemand, vermutlich Sie, hat für das Konto von {email} ein neues Passwort angefordert.",
            button="Neues Passwort festlegen",
            advice="Wenn Sie es nicht waren, ignorieren Sie diese E-Mail: Ihr Passwort bleibt, wie es ist."
            " Geben Sie den Link nie weiter.",
        ),
        "fr": LinkWords(
            subject="Choisissez un nouveau mot de passe",
            intro="Quelqu'un, sans doute vous, a demandé un nouveau mot de passe pour le compte de {email}.",
            button="Choisir un nouveau mot de passe",
            advice="Si ce n'était pas vous, ignorez ce message : votre mot de passe reste inchangé."
            " Ne transmettez jamais ce lien.",
        ),
    },
    "EMAIL_VERIFICATION": {
        "en": LinkWords(
            subject="Confirm your e-mail address",
            intro="Please confirm that {email} is your e-mail address.",
            button="Confirm the address",
            advice="If you have no account at Execos, somebody mistyped theirs: ignore this mail.",
        ),
        "de": LinkWords(
            subject="Bestätigen Sie Ihre E-Mail-Adresse",
            intro="Bitte bestätigen Sie, dass {email} Ihre E-Mail-Adresse ist.",
            button="Adresse bestätigen",
            advice="Wenn Sie kein Konto bei Execos haben, hat sich jemand vertippt: Ignorieren Sie diese E-Mail.",
        ),
        "fr": LinkWords(
            subject="Confirmez votre adresse e-mail",
            intro="Veuillez confirmer que {email} est votre adresse e-mail.",
            button="Confirmer l'adresse",
            advice="Si vous n'avez pas de compte Execos, quelqu'un s'est trompé d'adresse : ignorez ce message.",
        ),
    },
    "EMAIL_CHANGE": {
        "en": LinkWords(
            subject="Confirm the change of your e-mail address",
            intro="The e-mail address of your account is to change, once its mailboxes have confirmed it:"
            " the new one, and the old one if that was confirmed before. This is the link for {email}.",
            button="Confirm the change",
            advice="If it was not you, do not confirm it, and set a new password at once.",
        ),
        "de": LinkWords(
            subject="Bestätigen Sie die Änderung Ihrer E-Mail-Adresse",
            intro="Die E-Mail-Adresse Ihres Kontos soll sich ändern, sobald ihre Postfächer es bestätigt haben:"
            " das neue, und das alte, falls es schon bestätigt war. Dies ist der Link für {email}.",
            button="Änderung bestätigen",
            advice="Wenn Sie es nicht waren, bestätigen Sie nicht, und legen Sie sofort ein neues Passwort fest.",
        ),
        "fr": LinkWords(
            subject="Confirmez le changement de votre adresse e-mail",
            intro="L'adresse e-mail de votre compte va changer dès que ses boîtes l'auront confirmé :"
            " la nouvelle, et l'ancienne si elle avait été confirmée. Voici le lien pour {email}.",
            button="Confirmer le changement",
            advice="Si ce n'était pas vous, ne confirmez pas et changez aussitôt de mot de passe.",
        ),
    },
}
"""By the kind of link as the facts of identity name it, and by language."""
