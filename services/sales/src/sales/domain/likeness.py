"""How much two companies look alike, and the keys by which those that may are found (spec/sales.md, Duplicates)."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from sales.domain import vat
from sales.domain.words import digits_of, folded, host_of

SIMILAR = 0.9
MIN_SCORE = 70
_BLOCK = 4
"""Letters that similar names share at their beginning or at their end: then one is compared with the other."""
MAX_KEY = 255
MIN_DIGITS = 6
"""Shorter numbers are extensions and emergency calls: they identify nobody."""

# Everybody's: that two companies write from there says nothing.
MAIL_PROVIDERS = frozenset(
    "aol.com fastmail.com freenet.de gmail.com gmx.at gmx.ch gmx.de gmx.net googlemail.com hotmail.com icloud.com "  # noqa: SIM905 - reads as a list
    "laposte.net libero.it live.com mail.com mail.ru me.com msn.com orange.fr outlook.com pm.me proton.me "
    "protonmail.com qq.com t-online.de web.de wp.pl yahoo.com yandex.ru 163.com".split()
)
LEGAL_FORMS = frozenset(
    "ab ag aps as bv co corp corporation cv eg ek ev gbr gmbh inc incorporated kg kgaa lda limited llc llp ltd "  # noqa: SIM905 - reads as a list
    "mbh nv ohg oy oyj plc pte pty sa sarl sas sasu se sl spa sprl srl ug uab und and et".split()
)
_LETTERS = re.compile(r"[^\W_]+")


class Reason(StrEnum):
    """Why two companies look alike."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    NAME_AND_COUNTRY = "NAME_AND_COUNTRY"
    NAME_AND_DOMAIN = "NAME_AND_DOMAIN"


class KeyKind(StrEnum):
    """What a key is made of."""

    EMAIL = "email"
    PHONE = "phone"
    DOMAIN = "domain"
    NAME = "name"


SCORES: Mapping[Reason, int] = {
    Reason.EMAIL: 100,
    Reason.PHONE: 90,
    Reason.NAME_AND_COUNTRY: 70,
    Reason.NAME_AND_DOMAIN: 70,
}

Key = tuple[KeyKind, str]


class Likeness(NamedTuple):
    """How much, and why."""

    score: int
    reasons: list[Reason]


def keys_of(company: Any, home: str | None) -> set[Key]:
    """The keys of a company; `home` is the organisation's country, for numbers that name none."""
    country = country_of(company)
    keys: set[Key] = set()
    if company.email:
        keys.add((KeyKind.EMAIL, company.email.lower()))
    number = number_key(company.phone, country or home)
    if number:
        keys.add((KeyKind.PHONE, number))
    domains = _domains(company)
    keys |= {(KeyKind.DOMAIN, domain) for domain in domains}
    if country:
        keys |= {(KeyKind.NAME, f"{country} {block}") for block in _blocks(company.name)}
    return {(kind, value[:MAX_KEY]) for kind, value in keys}


def likeness(company: Any, other: Any, shared: Iterable[str]) -> Likeness:
    """How much a company looks like another one with which it shares keys of these kinds."""
    kinds = set(shared)
    reasons = [
        reason
        for kind, reason in ((KeyKind.EMAIL, Reason.EMAIL), (KeyKind.PHONE, Reason.PHONE))
        if kind in kinds
    ]
    country = country_of(company)
    in_country = country is not None and country == country_of(other)
    if (in_country or KeyKind.DOMAIN in kinds) and similarity(company.name, other.name) >= SIMILAR:
        reasons += [Reason.NAME_AND_COUNTRY] if in_country else []
        reasons += [Reason.NAME_AND_DOMAIN] if KeyKind.DOMAIN in kinds else []
    return Likeness(max((SCORES[reason] for reason in reasons), default=0), reasons)


def similarity(name: str, other: str) -> float:
    """From 0 to 1: as they are written, or without legal forms and the order of words; numbers must be the same."""
    from rapidfuzz import fuzz  # noqa: PLC0415 - a library of its own, needed when companies are written

    words, others = _words(name), _words(other)
    if _numbers(words) != _numbers(others):
        return 0.0
    written = fuzz.ratio(" ".join(words), " ".join(others))
    meant = fuzz.ratio(" ".join(_meant(words)), " ".join(_meant(others)))
    return max(written, meant) / 100


def country_of(company: Any) -> str | None:
    """Where a company is: by its address, else by its VAT number."""
    country: str | None = (company.address or {}).get("country")
    if country:
        return country
    return vat.country_of(company.vat_id or "")


def number_key(phone: str | None, country: str | None) -> str | None:
    """A telephone number as it is dialled from abroad; its digits where nobody can say in which country it is."""
    import phonenumbers  # noqa: PLC0415 - tables of every country, needed when a number is written

    if not phone:
        return None
    dialled = phone.strip()
    try:
        parsed = phonenumbers.parse(f"+{dialled[2:]}" if dialled.startswith("00") else dialled, country)
    except phonenumbers.NumberParseException:
        digits = digits_of(phone)
    else:
        digits = f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"
    return digits if len(digits) >= MIN_DIGITS else None


def _domains(company: Any) -> set[str]:
    mail = (company.email or "").lower().rpartition("@")[2]
    return {domain for domain in (mail, host_of(company.website)) if domain} - MAIL_PROVIDERS


def _blocks(name: str) -> set[str]:
    words = _words(name)
    texts = {"".join(words), "".join(_meant(words))}
    return {block for text in texts for block in (f"{text[:_BLOCK]}*", f"*{text[-_BLOCK:]}")}


def _words(name: str) -> list[str]:
    joined = folded(name).replace(".", "")  # S.A. and SA are the same
    return _LETTERS.findall(joined)


def _meant(words: list[str]) -> list[str]:
    return sorted(word for word in words if word not in LEGAL_FORMS) or words


def _numbers(words: list[str]) -> list[str]:
    return sorted(word for word in words if word.isdigit())
