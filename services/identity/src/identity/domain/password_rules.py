"""What a new password must be: long enough, not common, not made of what everybody knows of its owner."""

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from chassis.errors import Invalid

USUAL_LENGTH = 12
"""What is asked for where no organisation says otherwise (design/security.md 2)."""
ROWS = (
    "0123456789" * 4,
    string.ascii_lowercase * 2,
    "qwertyuiopasdfghjklzxcvbnm" * 2,
    "qwertzuiopasdfghjklyxcvbnm" * 2,
)
DECORATION = string.digits + string.punctuation + string.whitespace
SHORT_UNIT = 6
"""Repeating as few characters as this makes no password, however often."""
OWN_LETTERS = 6
"""How much of a password must be left without the names of its owner."""
SHORT_WORD = 4
"""Names shorter than this are in too many words to be looked for."""


@dataclass(frozen=True)
class PasswordRules:
    """The rules for one person: the strictest length of their organisations, and the names they must not use."""

    min_length: int
    own_words: frozenset[str]

    @classmethod
    def of(cls, email: str, name: str, organisations: Iterable[tuple[str, int]] = ()) -> "PasswordRules":
        """For a person and the name and least length of each organisation they work in."""
        joined = list(organisations)
        texts = [email, email.partition("@")[0], name, *(organisation for organisation, _ in joined)]
        return cls(max((length for _, length in joined), default=USUAL_LENGTH), _words(texts))

    def including(self, *texts: str) -> "PasswordRules":
        """The same, and these names must not be used either."""
        return PasswordRules(self.min_length, self.own_words | _words(texts))

    def check(self, password: str, field: str) -> None:
        """Raise Invalid with what is wrong, on the field as the client wrote it."""
        issue = self.issue_with(password)
        if issue is not None:
            raise Invalid.field(field, issue)

    def issue_with(self, password: str) -> str | None:
        """What is wrong with a password, or None."""
        if len(password) < self.min_length:
            return f"must be at least {self.min_length} characters"
        folded = password.casefold()
        if _is_frequent(folded):
            return "is one of the first that others would guess"
        if _is_repetition(folded):
            return "must not be one short text over and over"
        if self._is_own(folded):
            return "must not be made of your name, your e-mail address or your organisation's name"
        return None

    def _is_own(self, folded: str) -> bool:
        rest = folded
        for word in sorted(self.own_words, key=len, reverse=True):
            rest = rest.replace(word, "")
        return rest != folded and len(rest.strip(DECORATION)) < OWN_LETTERS


def _words(texts: Iterable[str]) -> frozenset[str]:
    words = {word for text in texts for word in (text, *re.split(r"[\W_]+", text))}
    return frozenset(word.casefold() for word in words if len(word) >= SHORT_WORD)


@cache
def frequent_passwords() -> frozenset[str]:
    """The 30,000 most frequent passwords of published collections, as the zxcvbn project keeps them."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 15 MB, needed when a password is chosen

    return frozenset(FREQUENCY_LISTS["passwords"])


def _is_frequent(folded: str) -> bool:
    if not frequent_passwords().isdisjoint({folded, folded.strip(DECORATION)}):
        return True
    return any(folded in row or folded[::-1] in row for row in ROWS)


def _is_repetition(folded: str) -> bool:
    periods = (period for period in range(1, len(folded) // 2 + 1) if folded[period:] == folded[:-period])
    return any(period <= SHORT_UNIT or folded[:period] in frequent_passwords() for period in periods)
