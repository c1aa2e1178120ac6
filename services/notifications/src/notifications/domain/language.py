"""In which language and form an organisation is written to: its words, amounts and dates."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import UTC, format_date, format_time, format_timedelta, get_timezone
from babel.numbers import format_currency

from chassis.money import Money

LANGUAGES = ("en", "de", "fr")
FALLBACK = "en"
# What typesetters put between digits and units: somebody who searches for "1 200,00 €" types plain spaces.
PLAIN_SPACES = {0xA0: " ", 0x202F: " "}


@dataclass(frozen=True, slots=True)
class Language:
    """One of the languages that texts exist in, and the region whose forms are used."""

    code: str
    locale: Locale

    def money(self, amount: Money) -> str:
        """An amount with the currency's digits, such as "1.200,00 €"."""
        text = format_currency(Decimal(str(amount)), amount.currency, locale=self.locale)
        return text.translate(PLAIN_SPACES)

    def day(self, day: date) -> str:
        """A calendar date, such as "4 Dec 2026"."""
        return format_date(day, format="medium", locale=self.locale).translate(PLAIN_SPACES)

    def moment(self, at: datetime, time_zone: str) -> str:
        """An instant by the reader's clock, such as "4 Dec 2026, 14:05 (Europe/Berlin)"; UTC where the zone is none."""
        try:
            local = at.astimezone(get_timezone(time_zone))
        except LookupError:
            local, time_zone = at.astimezone(UTC), "UTC"
        time = format_time(local, format="short", locale=self.locale).translate(PLAIN_SPACES)
        return f"{self.day(local.date())}, {time} ({time_zone})"

    def span(self, duration: timedelta) -> str:
        """How long in its largest unit, such as "30 minutes"."""
        return format_timedelta(duration, threshold=1, locale=self.locale).translate(PLAIN_SPACES)


@lru_cache(maxsize=64)
def language_of(tag: str | None) -> Language:
    """The language of a BCP 47 tag such as "de-AT"; English where there are no texts in it."""
    try:
        locale = Locale.parse(tag or FALLBACK, sep="-")
    except (ValueError, UnknownLocaleError):
        locale = Locale(FALLBACK)
    if locale.language not in LANGUAGES:
        locale = Locale(FALLBACK)
    return Language(locale.language, locale)
