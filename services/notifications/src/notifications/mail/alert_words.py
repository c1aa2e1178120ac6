"""The words of the welcome and of security alerts, by type of event and in every language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class WelcomeWords:
    """The first mail to a person."""

    subject: str
    intro: str
    button: str


class Alert(NamedTuple):
    """What happened, as a subject and as a sentence."""

    subject: str
    intro: str


@dataclass(frozen=True, slots=True)
class AlertWords:
    """Labels of what is known of the occasion, and what to do."""

    at: str
    device: str
    ip: str
    button: str
    advice: str
    alerts: Mapping[str, Alert]
    other: Alert
    """For an event of a type that is not known here."""


WELCOME = {
    "en": WelcomeWords(
        subject="Welcome to Execos",
        intro="Your account is ready. Sign in with {email} and begin.",
        button="Open Execos",
    ),
    "de": WelcomeWords(
        subject="Willkommen bei Execos",
        intro="Ihr Konto ist bereit. Melden Sie sich mit {email} an, und legen Sie los.",
        button="Execos öffnen",
    ),
    "fr": WelcomeWords(
        subject="Bienvenue sur Execos",
        intro="Votre compte est prêt. Connectez-vous avec {email} pour commencer.",
        button="Ouvrir Execos",
    ),
}

ALERTS = {
    "en": AlertWords(
        at="Time",
        device="Device",
        ip="IP address",
        button="Check my account",
        advice="If this was you, there is nothing to do. If not, set a new password at once, end all other sessions"
        " and tell an administrator of your organisation.",
        alerts={
            "REFRESH_REUSE": Alert(
                "A session of yours was ended",
                "Somebody used an old key of one of your sessions. It may have been copied, so we ended the session.",
            ),
            "PASSWORD_CHANGED": Alert(
                "Your password was changed",
                "Your password was changed, and every other session of yours was ended.",
            ),
            "SECOND_FACTOR_ENABLED": Alert(
                "A second factor was added", "A second factor for signing in was added to your account."
            ),
            "SECOND_FACTOR_DISABLED": Alert(
                "A second factor was removed", "A second factor for signing in was removed from your account."
            ),
            "RECOVERY_CODE_USED": Alert(
                "A recovery code was used",
                "Somebody signed in to your account with one of your recovery codes.",
            ),
            "NEW_DEVICE": Alert(
                "Sign-in on a new device",
                "Somebody signed in to your account on a device that we do not know.",
            ),
            "FAILED_LOGIN_SPIKE": Alert(
                "Many failed attempts to sign in",
                "Somebody tried several times to sign in to your account with a wrong password.",
            ),
            "ADMIN_ROLE_GRANTED": Alert(
                "You have an administrative role now",
                "You were given a role that can administer your organisation.",
            ),
            "IDENTITY_LINKED": Alert(
                "Another way to sign in was added",
                "An account at another provider was linked to yours; it can be used to sign in.",
            ),
            "EMAIL_CHANGED": Alert(
                "Your e-mail address was changed", "The e-mail address with which you sign in was changed."
            ),
            "BULK_USER_DEACTIVATION": Alert(
                "Several people were shut out in your name",
                "Several people of your organisation were suspended or removed with your account within minutes.",
            ),
        },
        other=Alert(
            "Something happened in your account",
            "Something happened in your account that you should know of.",
        ),
    ),
    "de": AlertWords(
        at="Zeit",
        device="Gerät",
        ip="IP-Adresse",
        button="Mein Konto prüfen",
        advice="Wenn Sie es waren, ist nichts zu tun. Wenn nicht, legen Sie sofort ein neues Passwort fest, beenden Sie"
        " alle anderen Sitzungen, und verständigen Sie einen Administrator Ihrer Organisation.",
        alerts={
            "REFRESH_REUSE": Alert(
                "Eine Ihrer Sitzungen wurde beendet",
                "Jemand hat einen alten Schlüssel einer Ihrer Sitzungen benutzt. Er wurde vielleicht kopiert;"
                " wir haben die Sitzung deshalb beendet.",
            ),
            "PASSWORD_CHANGED": Alert(
                "Ihr Passwort wurde geändert",
                "Ihr Passwort wurde geändert, und alle anderen Sitzungen wurden beendet.",
            ),
            "SECOND_FACTOR_ENABLED": Alert(
                "Ein zweiter Faktor wurde hinzugefügt",
                "Zu Ihrem Konto wurde ein zweiter Faktor für die Anmeldung hinzugefügt.",
            ),
            "SECOND_FACTOR_DISABLED": Alert(
                "Ein zweiter Faktor wurde entfernt",
                "Von Ihrem Konto wurde ein zweiter Faktor für die Anmeldung entfernt.",
            ),
            "RECOVERY_CODE_USED": Alert(
                "Ein Wiederherstellungscode wurde benutzt",
                "Jemand hat sich mit einem Ihrer Wiederherstellungscodes angemeldet.",
            ),
            "NEW_DEVICE": Alert(
                "Anmeldung auf einem neuen Gerät",
                "Jemand hat sich auf einem Gerät angemeldet, das wir nicht kennen.",
            ),
            "FAILED_LOGIN_SPIKE": Alert(
                "Viele vergebliche Anmeldeversuche",
                "Jemand hat mehrmals mit falschem Passwort versucht, sich mit Ihrem Konto anzumelden.",
            ),
            "ADMIN_ROLE_GRANTED": Alert(
                "Sie haben jetzt eine Verwaltungsrolle",
                "Sie haben eine Rolle erhalten, die Ihre Organisation verwalten kann.",
            ),
            "IDENTITY_LINKED": Alert(
                "Ein weiterer Weg zur Anmeldung wurde hinzugefügt",
                "Ein Konto bei einem anderen Anbieter wurde mit Ihrem verknüpft; damit kann man sich anmelden.",
            ),
            "EMAIL_CHANGED": Alert(
                "Ihre E-Mail-Adresse wurde geändert",
                "Die E-Mail-Adresse, mit der Sie sich anmelden, wurde geändert.",
            ),
            "BULK_USER_DEACTIVATION": Alert(
                "In Ihrem Namen wurden mehrere Personen ausgeschlossen",
                "Mit Ihrem Konto wurden in wenigen Minuten mehrere Personen Ihrer Organisation gesperrt oder entfernt.",
            ),
        },
        other=Alert(
            "In Ihrem Konto ist etwas geschehen",
            "In Ihrem Konto ist etwas geschehen, von dem Sie wissen sollten.",
        ),
    ),
    "fr": AlertWords(
        at="Heure",
        device="Appareil",
        ip="Adresse IP",
        button="Vérifier mon compte",
        advice="Si c'était vous, il n'y a rien à faire. Sinon, changez aussitôt de mot de passe, fermez toutes les"
        " autres sessions et prévenez un administrateur de votre organisation.",
        alerts={
            "REFRESH_REUSE": Alert(
                "Une de vos sessions a été fermée",
                "Quelqu'un a utilisé une ancienne clé d'une de vos sessions. Elle a peut-être été copiée :"
                " nous avons fermé la session.",
            ),
            "PASSWORD_CHANGED": Alert(
                "Votre mot de passe a été modifié",
                "Votre mot de passe a été modifié et toutes vos autres sessions ont été fermées.",
            ),
            "SECOND_FACTOR_ENABLED": Alert(
                "Un second facteur a été ajouté",
                "Un second facteur de connexion a été ajouté à votre compte.",
            ),
            "SECOND_FACTOR_DISABLED": Alert(
                "Un second facteur a été retiré",
                "Un second facteur de connexion a été retiré de votre compte.",
            ),
            "RECOVERY_CODE_USED": Alert(
                "Un code de récupération a été utilisé",
                "Quelqu'un s'est connecté à votre compte avec un de vos codes de récupération.",
            ),
            "NEW_DEVICE": Alert(
                "Connexion depuis un nouvel appareil",
                "Quelqu'un s'est connecté à votre compte depuis un appareil que nous ne connaissons pas.",
            ),
            "FAILED_LOGIN_SPIKE": Alert(
                "Nombreuses tentatives de connexion échouées",
                "Quelqu'un a essayé plusieurs fois de se connecter à votre compte avec un mauvais mot de passe.",
            ),
            "ADMIN_ROLE_GRANTED": Alert(
                "Vous avez désormais un rôle d'administration",
                "Vous avez reçu un rôle qui permet d'administrer votre organisation.",
            ),
            "IDENTITY_LINKED": Alert(
                "Un autre moyen de connexion a été ajouté",
                "Un compte chez un autre fournisseur a été lié au vôtre ; il permet de se connecter.",
            ),
            "EMAIL_CHANGED": Alert(
                "Votre adresse e-mail a été modifiée",
                "L'adresse e-mail avec laquelle vous vous connectez a été modifiée.",
            ),
            "BULK_USER_DEACTIVATION": Alert(
                "Plusieurs personnes ont été exclues en votre nom",
                "Plusieurs personnes de votre organisation ont été suspendues ou retirées depuis votre compte"
                " en quelques minutes.",
            ),
        },
        other=Alert(
            "Un événement concerne votre compte",
            "Un événement dont vous devriez avoir connaissance concerne votre compte.",
        ),
    ),
}
