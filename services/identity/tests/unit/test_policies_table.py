"""The table of policies in docs/security.md: every field, and tests that exist."""

import re
from pathlib import Path

from pydantic.alias_generators import to_camel

from identity.domain.policies import DEFAULTS
from identity.http.policy_schemas import SWITCH

REPOSITORY = Path(__file__).parents[4]
ROW = re.compile(r"^\| (?P<fields>.*?) \| (?P<service>\w+).*? \| (?P<test>.*) \|$", re.MULTILINE)


def _rows() -> list[tuple[str, str, str]]:
    page = (REPOSITORY / "docs/security.md").read_text("utf-8")
    table = page.partition("## Policies")[2].partition("|---|---|---|\n")[2]
    return ROW.findall(table)


def test_every_policy_is_in_the_table():
    shown = {field for fields, _, _ in _rows() for field in re.findall(r"`(\w+)`", fields)}
    assert shown == {to_camel(name) for name in DEFAULTS.keys() | SWITCH}


def test_every_test_of_the_table_exists():
    named = [(service, *test.strip("`").split("::")) for _, service, test in _rows() if "::" in test]
    assert len(named) == len(_rows()) - 1  # what waits for the automation module
    for service, file, name in named:
        code = (REPOSITORY / "services" / service / "tests/service" / file).read_text("utf-8")
        assert f"def {name}(" in code, name
