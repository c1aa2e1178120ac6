"""Words that rows are found by: in lower case, without accents, of any script."""

import re
import unicodedata
from enum import IntEnum

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
_NUMBER = re.compile(r"[\d\s+()/.\-]+", re.ASCII)
_SCHEME = re.compile(r"^[a-z][a-z0-9+.\-]*://")

MAX_WORD = 255
MAX_WORDS = 100
"""Words of one row; what comes after is in no name of a person or a company."""
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
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_STROKES))
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).split())


def words_of(text: str | None) -> set[str]:
    """The words of a name or a title: umlauts in both spellings, unspaced scripts from each character on."""
    if not text:
        return set()
    composed = unicodedata.normalize("NFKC", text).lower()
    spelled_out = folded(composed.translate(_SPELLED_OUT))
    spellings = [folded(composed), spelled_out, re.sub("([aou])e", r"\1", spelled_out)]
    found = {word for spelling in spellings for word in _split(spelling)}
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


def wanted(text: str) -> list[str]:
    """The words of what was typed, each the beginning of a word to be found; none where it holds no word."""
    digits = digits_of(text)
    if _NUMBER.fullmatch(text) and len(digits) >= MIN_NUMBER:
        return [digits]
    words: list[str] = []
    for chunk in folded(text).split():
        words += [chunk.strip(".,;:<>()")] if "@" in chunk.strip("@") else _split(chunk)
    return [word[:MAX_WORD] for word in dict.fromkeys(words)][:MAX_WANTED]


def beyond(word: str) -> str:
    """The first text, by code points, after everything that begins with a word."""
    return word + "\U0010ffff"


def _split(text: str) -> list[str]:
    """Runs of letters, marks and digits."""
    return "".join(each if unicodedata.category(each)[0] in "LMN" else " " for each in text).split()
