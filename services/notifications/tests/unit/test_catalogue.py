"""The table of types: complete in every language, and never telling who may not know."""

from collections.abc import Callable
from datetime import date
from itertools import product
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from notifications.domain.access import READ_PERMISSION, READERS, Entity, Role, may_read, readable
from notifications.domain.catalogue import CATALOGUE, LINKS, Channel, NoticeType, Party, link_to
from notifications.domain.happenings import BODY_LENGTH, TITLE_LENGTH, Candidate, Details, Happening, shorten
from notifications.domain.language import LANGUAGES, language_of

ME, OTHER = uuid4(), uuid4()
FENCES = Details("Fences")


def happening(kind: NoticeType, details: Details = FENCES, **parties: UUID) -> Happening:
    people = {Party[name.upper()]: person for name, person in parties.items()}
    return Happening(kind, uuid4(), details, people)


def concerning(kind: NoticeType, person: UUID) -> Happening:
    """Something of that type in which one person has every part."""
    return Happening(kind, uuid4(), FENCES, dict.fromkeys(Party, person))


def test_every_type_is_in_the_table_with_words_in_every_language() -> None:
    assert set(CATALOGUE) == set(NoticeType)
    for kind in CATALOGUE.values():
        assert kind.titles._fields == LANGUAGES
        assert all(title.count("{subject}") == 1 for title in kind.titles)
        assert kind.label
        assert Channel.IN_APP in kind.channels


def test_every_entity_has_a_link_readers_and_a_permission() -> None:
    assert set(LINKS) == set(READERS) == set(READ_PERMISSION) == set(Entity)
    assert link_to(Entity.DEAL, ME) == f"/sales/deals/{ME}"


def test_nobody_is_told_by_role_of_what_the_role_may_not_read() -> None:
    for kind in CATALOGUE.values():
        assert all(may_read(role, kind.entity) for role in kind.roles)


def test_a_type_that_tells_roles_says_which_own_roles_count_as_one() -> None:
    assert {kind.label for kind in CATALOGUE.values() if kind.roles} == {
        kind.label for kind in CATALOGUE.values() if kind.duties
    }


# The rows of spec/first-release.md: O is owner and admin.
@pytest.mark.parametrize(
    ("entity", "letters"),
    [
        (Entity.LEAD, "OCDMSV"),
        (Entity.DEAL, "OCDMSFV"),
        (Entity.WORK_ITEM, "OCDMSPV"),
        (Entity.INVOICE, "OCDMSF"),
        (Entity.USER, "OCD"),
    ],
)
def test_readers_are_those_of_the_permission_table(entity: Entity, letters: str) -> None:
    roles = {
        "O": {Role.OWNER, Role.ADMIN},
        "C": {Role.CEO},
        "D": {Role.DIRECTOR},
        "M": {Role.SALES_MANAGER},
        "S": {Role.SALES},
        "P": {Role.OPS},
        "F": {Role.FINANCE},
        "V": {Role.VIEWER},
        "K": {Role.CASHIER},
    }
    assert READERS[entity] == set().union(*(roles[letter] for letter in letters))


def test_a_token_shows_what_it_may_read() -> None:
    held: Callable[[str], bool] = {"deals:read", "invoices:read"}.__contains__
    assert readable(held) == ["DEAL", "INVOICE"]


@pytest.mark.parametrize(("kind", "role", "status"), list(product(NoticeType, Role, ["active", "suspended"])))
def test_only_active_members_that_may_read_are_told(kind: NoticeType, role: Role, status: str) -> None:
    recipients = concerning(kind, ME).recipients([Candidate(ME, role, status)], None)
    is_told = status == "active" and may_read(role, CATALOGUE[kind].entity)
    assert recipients == ([ME] if is_told else [])


@pytest.mark.parametrize("kind", NoticeType)
def test_who_did_it_is_never_told(kind: NoticeType) -> None:
    told = concerning(kind, ME).recipients([Candidate(ME, Role.OWNER, "active")], ME)
    assert told == []
    assert concerning(kind, ME).recipients([], ME) == []


def test_a_stranger_to_the_entity_is_told_only_by_role() -> None:
    won = happening(NoticeType.DEAL_WON, owner=ME)
    members = [Candidate(OTHER, Role.SALES, "active"), Candidate(ME, Role.SALES, "active")]
    assert won.recipients(members, None) == [ME]


def test_who_is_concerned_twice_is_told_once() -> None:
    done = happening(NoticeType.WORK_ITEM_COMPLETED, creator=ME, assignee=ME, deal_owner=ME)
    assert done.recipients([Candidate(ME, Role.OPS, "active")], None) == [ME]


@given(st.text(max_size=2000), st.sampled_from(NoticeType), st.sampled_from(LANGUAGES))
def test_words_fit_their_columns(subject: str, kind: NoticeType, tag: str) -> None:
    details = Details(
        subject, company=subject, amount=Money(10**15, "EUR"), due_on=date(2026, 1, 1), note=subject
    )
    told = happening(kind, details)
    language = language_of(tag)
    assert len(told.title(language)) <= TITLE_LENGTH
    assert len(told.body(language)) <= BODY_LENGTH


def test_names_with_braces_are_words_like_others() -> None:
    told = happening(NoticeType.DEAL_WON, Details("{subject} {0} {x!r}"))
    assert told.title(language_of("en")) == "Deal won: {subject} {0} {x!r}"


def test_what_is_cut_shows_it() -> None:
    assert (shorten("abc", 3), shorten("abcd", 3)) == ("abc", "ab…")


@pytest.mark.parametrize(
    ("tag", "amount", "day"),
    [
        ("en", "€1,234.50", "Dec 4, 2026"),
        ("en-GB", "€1,234.50", "4 Dec 2026"),
        ("de-AT", "€ 1.234,50", "04.12.2026"),
        ("fr", "1 234,50 €", "4 déc. 2026"),
        ("nonsense-tag-of-nowhere", "€1,234.50", "Dec 4, 2026"),
        (None, "€1,234.50", "Dec 4, 2026"),
    ],
)
def test_amounts_and_dates_have_the_form_of_the_region(tag: str | None, amount: str, day: str) -> None:
    language = language_of(tag)
    assert language.money(Money(123_450, "EUR")) == amount
    assert language.day(date(2026, 12, 4)) == day


@pytest.mark.parametrize(
    ("currency", "amount"), [("JPY", "¥123,450"), ("KWD", "KWD123.450"), ("EUR", "€1,234.50")]
)
def test_amounts_have_the_digits_of_their_currency(currency: str, amount: str) -> None:
    assert language_of("en").money(Money(123_450, currency)) == amount
