"""Words that rows are found by: in lower case, without accents, of any script."""

import re
import unicodedata
from enum import IntEnum
from typing import NamedTuple

# What has no decomposition in Unicode and is yet typed without its stroke.
_STROKES = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ħ": "h",
    }
)
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Scripts that write no spaces between words: Thai, Lao, Burmese, Khmer, kana and Han."""
_NUMBER = re.compile("[0-9\\s+()/.\u2010-\u2015\\-]+")
_TRUNK = re.compile(r"\(\s*0\s*\)")
"""The 0 that is dialled only within the country, as in +49 (0)30."""
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.\-]*://")

MAX_WORD = 255
MAX_WORDS = 500
"""Words of one row: more than twenty addresses and the longest title have."""
MAX_WANTED = 12
"""Words that a search looks for; who types more means the first ones."""
MIN_NUMBER = 5
"""Digits from which on what looks like a telephone number is one."""


class Weight(IntEnum):
    """Where a word stands."""

    TITLE = 1
    OWN = 2
    COMPANY = 3


def folded(text: str) -> str:
    """Text as it is compared: in lower case, without accents, one space between words."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_STROKES))
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).split())


def words_of(text: str | None) -> set[str]:
    """The words of a name or a title: umlauts in both spellings, unspaced scripts from each character on."""
    if not text:
        return set()
    composed = unicodedata.normalize("NFKC", text).lower()
    spelled_out = folded(composed.translate(_SPELLED_OUT))
    spellings = [folded(composed), spelled_out, re.sub("([aou])e", r"\1", spelled_out)]
    found = {word for spelling in set(spellings) for word in _split(spelling)}
    found |= {chunk for chunk in spellings[0].split() if "@" in chunk}
    found |= {word[at:] for word in found if _UNSPACED.search(word) for at in range(1, len(word))}
    numbers = [word for word in _split(spellings[0]) if word.isdigit()]
    found |= {"".join(numbers)} if len(numbers) > 1 else set()
    return {word[:MAX_WORD] for word in found}


def words_of_email(address: str | None) -> set[str]:
    """An e-mail address: whole, what stands before and after the @, and the words of both."""
    local, _, domain = folded(address or "").partition("@")
    return words_of(address) | ({local, domain} - {""})


def words_of_site(website: str | None) -> set[str]:
    """A web address: its host, and the words of that."""
    host = host_of(website)
    return words_of(host) | ({host} - {""})


def words_of_phone(number: str | None, national: str | None) -> set[str]:
    """A telephone number as digits: as it is written, from abroad, and within its country with and without a 0."""
    found = {digits_of(number or ""), digits_of(number or "").lstrip("0")}
    found |= {national, f"0{national}"} if national else set()
    return found - {""}


def digits_of(text: str) -> str:
    """The digits of a number as it is dialled from abroad, without the prefix that leads there."""
    digits = (each for each in unicodedata.normalize("NFKC", text) if "0" <= each <= "9")
    return "".join(digits).removeprefix("00")


def host_of(website: str | None) -> str:
    """The host of a web address, without www; nothing where there is none."""
    host = _SCHEME.sub("", (website or "").strip().lower())
    host = re.split(r"[/?#:\s]", host, maxsplit=1)[0].rpartition("@")[2].removeprefix("www.")
    return host if "." in host.strip(".") else ""


class Wanted(NamedTuple):
    """What to look for: words, each the beginning of one that a row must hold.

    Of a telephone number it is the ways in which a row may hold it, one of which is enough.
    An address or a number is best where a row holds exactly that.
    """

    words: list[str]
    is_number: bool
    is_address: bool


def wanted(text: str) -> Wanted:
    """What was typed, as it is looked for; no words where it holds none."""
    number = unicodedata.normalize("NFKC", text).strip()
    if _NUMBER.fullmatch(number) and len(digits_of(number)) >= MIN_NUMBER:
        return Wanted(_ways_to_write(number), is_number=True, is_address=True)
    words: list[str] = []
    for chunk in folded(text).split():
        words += [chunk.strip(".,;:<>()")] if "@" in chunk.strip("@") else _split(chunk)
    words = [word[:MAX_WORD] for word in dict.fromkeys(words)][:MAX_WANTED]
    return Wanted(words, is_number=False, is_address=len(words) == 1 and "@" in words[0])


def _ways_to_write(number: str) -> list[str]:
    """A typed number as it is, without the 0 in brackets, and within its country where it names that."""
    plain = _TRUNK.sub("", number) if number.startswith(("+", "00")) else number
    national = national_number(plain)
    ways = [digits_of(number), digits_of(plain), *((f"0{national}", national) if national else ())]
    return [way for way in dict.fromkeys(ways) if len(way) >= MIN_NUMBER]


def national_number(number: str | None) -> str | None:
    """A number within its country; None where the number itself does not say which that is."""
    import phonenumbers  # noqa: PLC0415 - tables of every country, needed when a number is written

    if not number or not number.lstrip().startswith(("+", "00")):
        return None
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(f"+{digits_of(number)}", None))
    except phonenumbers.NumberParseException:
        return None


def beyond(word: str) -> str:
    """The first text, by code points, after everything that begins with a word."""
    return word + "\U0010ffff"


def _split(text: str) -> list[str]:
    """Runs of letters, marks and digits."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return "".join(each if unicodedata.category(each)[0] in "LMN" else " " for each in text).split()
