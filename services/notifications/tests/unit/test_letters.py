"""Letters: every sentence in every language, the right words for each occasion, and nothing that names can do."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clients.identity.types import MailLink, MailLinkKind
from notifications.domain.language import LANGUAGES, language_of
from notifications.mail.accounts import House, Person, alert_letter, link_letter, welcome_letter
from notifications.mail.alert_words import ALERTS, WELCOME
from notifications.mail.invoice_words import WORDS as INVOICE_WORDS
from notifications.mail.letter_words import WORDS as LETTER_WORDS
from notifications.mail.link_words import WORDS as LINK_WORDS

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUSE = House("https://execos.test", "help@execos.test")
TABLES = [INVOICE_WORDS, LETTER_WORDS, WELCOME, ALERTS, *LINK_WORDS.values()]
TYPES = {
    "REFRESH_REUSE",
    "PASSWORD_CHANGED",
    "SECOND_FACTOR_ENABLED",
    "SECOND_FACTOR_DISABLED",
    "RECOVERY_CODE_USED",
    "NEW_DEVICE",
    "FAILED_LOGIN_SPIKE",
    "ADMIN_ROLE_GRANTED",
    "IDENTITY_LINKED",
    "EMAIL_CHANGED",
    "BULK_USER_DEACTIVATION",
}


def person(**values: str) -> Person:
    named = {
        "email": "ada@test.example",
        "name": "Ada Lovelace",
        "locale": "en-GB",
        "time_zone": "Europe/Paris",
    }
    return Person(**named | values)


def link(**values: Any) -> MailLink:
    named: dict[str, Any] = {
        "path": "/reset/c2VjcmV0",
        "email": "ada@test.example",
        "name": "Ada Lovelace",
        "locale": "en-GB",
        "expires_at": NOW + timedelta(minutes=30),
        "organisation": "Acme Works",
    }
    return MailLink(**named | values)


def alert(**content: str) -> dict[str, str]:
    named = {
        "type": "NEW_DEVICE",
        "at": NOW.isoformat(),
        "ip": "203.0.113.7",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    }
    return named | content


def sentences(words: Any) -> Iterator[str]:
    """Every text below some words."""
    if isinstance(words, str):
        yield words
    elif isinstance(words, Mapping):
        for each in words.values():
            yield from sentences(each)
    elif is_dataclass(words):
        for field in fields(words):
            yield from sentences(getattr(words, field.name))
    else:
        for each in words:
            yield from sentences(each)


@pytest.mark.parametrize("table", TABLES)
def test_every_sentence_exists_in_every_language(table: Mapping[str, Any]) -> None:
    assert tuple(table) == LANGUAGES
    texts = [list(sentences(table[code])) for code in LANGUAGES]
    assert all(text.strip() for each in texts for text in each)
    assert len({len(each) for each in texts}) == 1


def test_every_kind_of_link_has_its_words() -> None:
    assert set(LINK_WORDS) == set(MailLinkKind)


def test_every_type_of_event_has_words_of_its_own_in_every_language() -> None:
    for words in ALERTS.values():
        assert set(words.alerts) == TYPES
        told = [*words.alerts.values(), words.other]
        assert len({alert.subject for alert in told}) == len({alert.intro for alert in told}) == len(told)


def test_an_event_of_a_type_that_is_not_known_has_general_words() -> None:
    letter = alert_letter(person(), HOUSE, alert(type="SOMETHING_NEW"))
    assert letter.subject == "Something happened in your account"


def test_an_alert_says_when_where_and_on_what_by_the_readers_clock() -> None:
    letter = alert_letter(person(), HOUSE, alert())
    assert letter.facts == (
        ("Time", "10 Mar 2026, 13:00 (Europe/Paris)"),
        ("Device", "Firefox (Linux)"),
        ("IP address", "203.0.113.7"),
    )
    assert letter.button is not None
    assert letter.button.url == "https://execos.test/account/security"


def test_an_alert_leaves_out_what_is_not_known() -> None:
    letter = alert_letter(person(time_zone="No/Where"), HOUSE, alert(ip="", userAgent=""))
    assert letter.facts == (("Time", "10 Mar 2026, 12:00 (UTC)"),)


def test_an_invitation_says_who_invites_where_and_as_what() -> None:
    invitation = link(inviter="Olga Owner", role="Sales", expires_at=NOW + timedelta(days=7))
    letter = link_letter("INVITATION", invitation, HOUSE, NOW, time_zone="Europe/Paris")
    assert letter.subject == "Your invitation to Acme Works"
    assert letter.paragraphs == (
        "Olga Owner invites you to work in Acme Works on Execos, in the role Sales.",
    )
    assert letter.notes[0] == (
        "The link works once and is valid for 1 week, until 17 Mar 2026, 13:00 (Europe/Paris)."
    )


def test_an_invitation_by_nobody_comes_from_the_organisation() -> None:
    letter = link_letter("INVITATION", link(role="Owner"), HOUSE, NOW)
    assert letter.paragraphs[0].startswith("Acme Works invites you")


def test_a_link_that_began_to_live_just_before_its_mail_is_not_said_to_live_shorter() -> None:
    letter = link_letter("PASSWORD_RESET", link(), HOUSE, NOW + timedelta(milliseconds=900))
    assert "valid for 30 minutes" in letter.notes[0]


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Ada Lovelace", "Hello Ada Lovelace,"),
        ("J. R. R. Tolkien", "Hello J. R. R. Tolkien,"),
        ("{email} {0}", "Hello {email} {0},"),
        ("Ada\r\nBcc: you", "Hello Ada Bcc: you,"),
        ("", "Hello,"),
        ("Win at https://evil.test/now", "Hello,"),
        ("Free money evil.test", "Hello,"),
        ("x" * 81, "Hello,"),
    ],
)
def test_a_greeting_names_people_and_never_carries_their_links(name: str, greeting: str) -> None:
    assert welcome_letter(person(name=name), HOUSE).greeting == greeting


@pytest.mark.parametrize(
    ("code", "span", "moment"),
    [
        ("en", "30 minutes", "Mar 10, 2026, 1:00 PM (Europe/Berlin)"),
        ("de-DE", "30 Minuten", "10.03.2026, 13:00 (Europe/Berlin)"),
        ("fr", "30 minutes", "10 mars 2026, 13:00 (Europe/Berlin)"),
    ],
)
def test_times_have_the_form_of_the_language(code: str, span: str, moment: str) -> None:
    language = language_of(code)
    assert language.span(timedelta(minutes=30)) == span
    assert language.moment(NOW, "Europe/Berlin") == moment
