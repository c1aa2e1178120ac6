"""The mails about somebody's account: one-time links, the welcome, security alerts."""

import re
from datetime import datetime
from typing import Any, NamedTuple

from clients.identity.types import MailLink
from notifications.domain.language import Language, language_of
from notifications.mail.alert_words import ALERTS, WELCOME
from notifications.mail.devices import device_of
from notifications.mail.letter_words import WORDS
from notifications.mail.link_words import WORDS as LINK_WORDS
from notifications.mail.messages import Button, Letter, one_line

SENDER = "Execos"
ACCOUNT = "/account/security"
"""Where the web console shows sessions and second factors."""
LIKE_A_LINK = re.compile(r"://|\w\.\w\w")
MAX_NAME = 80


class House(NamedTuple):
    """What all mails about accounts have in common: where the web console is, and who answers."""

    base_url: str
    reply_to: str | None


class Person(NamedTuple):
    """Whom a mail is to: in their language, with times of their zone."""

    email: str
    name: str
    locale: str
    time_zone: str


def link_letter(
    kind: str, link: MailLink, house: House, written_at: datetime, *, time_zone: str = "UTC"
) -> Letter:
    """A mail whose button is a one-time link."""
    person = Person(link.email, link.name, link.locale, time_zone)
    language = language_of(link.locale)
    words, shared = LINK_WORDS[kind][language.code], WORDS[language.code]
    names = {
        "organisation": one_line(link.organisation),
        "inviter": one_line(link.inviter or link.organisation),
        "role": one_line(link.role),
        "email": link.email,
    }
    span = language.span(link.expires_at - written_at)
    validity = shared.validity.format(span=span, until=language.moment(link.expires_at, time_zone))
    return _letter(
        person,
        house,
        subject=words.subject.format(**names),
        paragraphs=(words.intro.format(**names),),
        button=Button(words.button, house.base_url + link.path, shared.otherwise),
        notes=(validity, words.advice),
    )


def welcome_letter(person: Person, house: House) -> Letter:
    """The first mail to a person."""
    language = language_of(person.locale)
    words = WELCOME[language.code]
    return _letter(
        person,
        house,
        subject=words.subject,
        paragraphs=(words.intro.format(email=person.email),),
        button=Button(words.button, house.base_url, WORDS[language.code].otherwise),
    )


def alert_letter(person: Person, house: House, content: dict[str, Any]) -> Letter:
    """What happened in an account, when, where from, and what to do if it was not its owner."""
    language = language_of(person.locale)
    words = ALERTS[language.code]
    alert = words.alerts.get(content["type"], words.other)
    facts = (
        (words.at, language.moment(datetime.fromisoformat(content["at"]), person.time_zone)),
        (words.device, device_of(content["userAgent"])),
        (words.ip, content["ip"]),
    )
    return _letter(
        person,
        house,
        subject=alert.subject,
        paragraphs=(alert.intro,),
        facts=tuple((label, value) for label, value in facts if value),
        button=Button(words.button, house.base_url + ACCOUNT, WORDS[language.code].otherwise),
        notes=(words.advice,),
    )


def _letter(person: Person, house: House, *, paragraphs: tuple[str, ...], **words: Any) -> Letter:
    language = language_of(person.locale)
    shared = WORDS[language.code]
    return Letter(
        language=language.code,
        to_address=person.email,
        sender=SENDER,
        reply_to=house.reply_to,
        preview=paragraphs[0],
        greeting=_greeting(person.name, language),
        paragraphs=paragraphs,
        regards=shared.regards,
        footer=shared.footer,
        **words,
    )


def _greeting(name: str, language: Language) -> str:
    # Whoever signs up with a stranger's address must not reach them with a link of their own as the name.
    shared, name = WORDS[language.code], one_line(name)
    is_name = name and len(name) <= MAX_NAME and not LIKE_A_LINK.search(name)
    return shared.greeting_by_name.format(name=name) if is_name else shared.greeting
