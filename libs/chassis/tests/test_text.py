"""Text that clients send: kept composed, names on one line, nothing in them that nobody sees; secrets as they are."""

import time
from typing import Annotated, Any
from unicodedata import is_normalized

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StringConstraints, ValidationError

from chassis.schema import In, Line, Parameters, Text, Verbatim
from chassis.testing.stand import Stand
from chassis.text import MAX_MARKS, as_line, as_text

AE, DECOMPOSED = "\u00e4", "a\u0308"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
BARE = "q\u0307"
"""A letter and a mark that have no common code point."""
KEPT = [
    FAMILY,
    f"Familie {FAMILY}",
    "\u2764\ufe0f",
    "\u05d0\u05d1 \u200fGmbH",
    "\u200f\u05d0\u05d1\u200f",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    BARE,
    "x" + "\u0301" * MAX_MARKS,
    "a\u200bb",
    "\u65e5\u672c\u88fd\u9244" * 20,
    "Stra\u00dfe",
]
BLANK = [
    "",
    " ",
    "\u200b",
    "\u2060\ufeff",
    "\u00a0\u3000",
    "\u200e\u200f",
    "\u00ad",
    "\u200d",
    " \u200b\u2003\u2028",
    "\U000e0041",
    "\u3164",
    "\u2800",
]
CONTROLS = [
    *(chr(code) for code in (*range(1, 9), *range(0x0E, 0x1C), *range(0x7F, 0x85), *range(0x86, 0xA0)))
]


class Named(In):
    """A name, a shorter one, and a text."""

    name: Line = "x"
    short: Annotated[Line, StringConstraints(max_length=3)] | None = None
    text: Annotated[Text, Field(max_length=5)] | None = None
    texts: dict[str, list[Annotated[Text, StringConstraints(min_length=1)]]] | None = None
    secret: Annotated[Verbatim, StringConstraints(max_length=50)] | None = None


class Asked(Parameters):
    """The same in a query."""

    name: Line = "x"
    text: Annotated[Text, Field(max_length=50)] | None = None


class Within(In):
    """A part of a body."""

    parts: list[Named]


def issues(**values: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        Named.model_validate(values)
    return [error["msg"] for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (f"B{DECOMPOSED}r", f"B{AE}r"),
        ("\u212b", "\u00c5"),
        ("a\u00a0b", "a b"),
        ("a  b", "a b"),
        ("a\nb", "a b"),
        ("a\r\n\t b", "a b"),
        ("a\u0085b\u2028c\x1fd\x0be\x0cf\u3000g", "a b c d e f g"),
        ("a\u200b", "a"),
        ("\ufeff\u2060 a \u200b \u00a0", "a"),
        (" Acme ", "Acme"),
        *((name, name) for name in KEPT),
    ],
)
def test_a_name_is_kept_on_one_line_composed_and_without_invisible_ends(sent: str, name: str) -> None:
    assert Named(name=sent).name == name
    assert Named.model_validate({"name": sent}).name == name
    assert Within.model_validate({"parts": [{"name": sent}]}).parts[0].name == name
    assert Asked.read([("name", sent)]).name == name


@pytest.mark.parametrize("char", CONTROLS)
def test_control_characters_are_refused_by_name(char: str) -> None:
    said = f"Value error, must not contain the control character U+{ord(char):04X}"
    for field in ("name", "text"):
        assert issues(**{field: f"a{char}b"}) == [said]
        assert issues(**{field: f"{AE}{char}"}) == [said]


@pytest.mark.parametrize("char", "\x0b\x0c\x1c\x1d\x1e\x1f\x85")
def test_a_text_has_no_breaks_but_those_of_keyboards(char: str) -> None:
    assert len(issues(text=f"a{char}b")) == 1


@pytest.mark.parametrize("name", BLANK)
def test_what_shows_nothing_is_blank(name: str) -> None:
    (said,) = issues(name=name)
    assert said == "String should have at least 1 character"
    assert issues(texts={"a": [name]}) == [said]
    assert Named(text=name).text == ""


def test_a_text_keeps_its_lines_and_is_composed() -> None:
    for kept in ("a\r\nb", "a\n\nb", "a\tb", "a  b", f"{AE}\u00a0b", "a\u2028b"):
        assert Named(text=kept).text == kept
    assert Named(text=f"B{DECOMPOSED}r").text == f"B{AE}r"
    assert Asked.read([("text", f"B{DECOMPOSED}r")]).text == f"B{AE}r"
    assert Named(texts={"a": [DECOMPOSED]}).texts == {"a": [AE]}
    for kept in KEPT:
        assert Asked(text=kept[:40]).text == kept[:40]


def test_lengths_are_counted_of_what_is_kept() -> None:
    assert Named(name=DECOMPOSED * 255).name == AE * 255
    assert Named(name="a" + " " * 300 + "b").name == "a b"
    assert Named(short=f"  a\n {DECOMPOSED}\u200b ").short == f"a {AE}"
    assert Named(text=DECOMPOSED * 5).text == AE * 5
    assert issues(name=AE * 256) == ["String should have at most 255 characters"]
    assert issues(short="abcd") == ["String should have at most 3 characters"]
    assert issues(text=AE * 6) == ["String should have at most 5 characters"]


@pytest.mark.parametrize("secret", [DECOMPOSED, "a\u00a0  b", "a\u200b", "\x01\x7f", "a\r\nb", "\u200b"])
def test_what_is_taken_as_it_is_stays_byte_by_byte(secret: str) -> None:
    assert Named(secret=secret).secret == secret


def test_nothing_but_text_is_text() -> None:
    for value in (1, True, ["a"], {"a": 1}):
        assert len(issues(name=value)) == 1
    assert issues(name="a\x00b") == [r"String should match pattern '^[^\x00]*$'"]
    assert len(issues(name="\ud800")) == 1
    assert len(issues(text="\ud800")) == 1


def test_a_heap_of_marks_is_refused_before_it_costs_its_square() -> None:
    heap = "a" + "\u0301\u0316" * 200_000
    begun = time.perf_counter()
    for field in ("name", "text"):
        assert issues(**{field: heap}) == [
            f"Value error, must not have more than {MAX_MARKS} combining characters in a row"
        ]
    assert time.perf_counter() - begun < 2


def test_documents_say_of_text_what_they_said() -> None:
    lengths = {"maxLength": 255, "minLength": 1}
    assert Named.model_json_schema()["properties"]["name"] == {
        **lengths, "default": "x", "pattern": r"^[^\x00]*$", "title": "Name", "type": "string",
    }  # fmt: skip


@given(st.text())
def test_what_is_kept_is_kept_again(text: str) -> None:
    for rule in (as_line, as_text):
        try:
            kept = rule(text)
        except ValueError:
            continue
        assert rule(kept) == kept
        assert is_normalized("NFC", kept)
    words = "".join(each for each in text if each.isprintable())
    assert "  " not in as_line(words)


async def test_a_door_says_what_is_wrong_with_a_name(notes: Stand) -> None:
    async def post(client: httpx2.AsyncClient, title: str) -> httpx2.Response:
        return await client.post("/api/v1/notes", json={"title": title})

    async with notes.client() as client:
        assert (await post(client, f"{DECOMPOSED}\u00a0 b\u200b")).json()["title"] == f"{AE} b"
        refused = await post(client, "\x01a")
        nul = await post(client, f"{AE}\x00")
    assert refused.json()["error"]["details"] == [
        {"field": "title", "issues": ["must not contain the control character U+0001"]}
    ]
    assert nul.json()["error"]["details"] == [
        {"field": "title", "issues": ["must not contain the NUL character"]}
    ]
