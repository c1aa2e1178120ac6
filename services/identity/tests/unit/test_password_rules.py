"""What a new password must be."""

import pytest

from chassis.errors import Invalid
from identity.domain.password_rules import PasswordRules, frequent_passwords

RULES = PasswordRules.of(
    "olga.owner@northwind.example", "Olga Owner", [("Northwind Works", 12), ("Second", 10)]
)
TOO_SHORT = "must be at least 12 characters"
GUESSED = "is one of the first that others would guess"
REPEATED = "must not be one short text over and over"
OWN = "must not be made of your name, your e-mail address or your organisation's name"


@pytest.mark.parametrize(
    ("password", "issue"),
    [
        ("x7-Kf2!pQ9z", TOO_SHORT),
        ("qwertyuiopas", GUESSED),
        ("sonyericsson", GUESSED),
        ("SonyEricsson", GUESSED),
        ("password1234", GUESSED),
        ("2024!Dragon!2024", GUESSED),
        ("123456789012", GUESSED),
        ("987654321098", GUESSED),
        ("abcdefghijklmno", GUESSED),
        ("aaaaaaaaaaaaaaa", REPEATED),
        ("xk9!xk9!xk9!xk", REPEATED),
        ("passwordpasswordpassword", REPEATED),
        ("olga.owner@northwind.example", OWN),
        ("OlgaOwner2024!", OWN),
        ("northwind works", OWN),
        ("xkcd-northwind-99", OWN),
        ("right horse battery staple", None),
        ("a mountain seen by olga", None),
        ("8473651093847562", None),
        ("пароль из четырёх слов", None),
    ],
)
def test_a_password_is_long_hard_to_guess_and_not_its_owners_name(password: str, issue: str | None) -> None:
    assert RULES.issue_with(password) == issue


def test_the_strictest_organisation_counts_and_where_none_is_named_twelve() -> None:
    assert RULES.min_length == 12
    assert PasswordRules.of("a@b.example", "Some Body", [("One", 8), ("Other", 9)]).min_length == 9
    assert PasswordRules.of("a@b.example", "Some Body").min_length == 12
    with pytest.raises(Invalid) as refused:
        RULES.check("short", "newPassword")
    assert refused.value.details == [{"field": "newPassword", "issues": [TOO_SHORT]}]


def test_names_of_three_letters_are_in_too_many_words_to_count() -> None:
    rules = PasswordRules.of("eve@b.example", "Eve Lin", [("Ace", 12)])
    assert rules.issue_with("everlasting linen") is None


def test_the_list_of_frequent_passwords_is_there() -> None:
    assert len(frequent_passwords()) == 30_000
    assert {"password", "qwerty", "letmein"} <= frequent_passwords()
