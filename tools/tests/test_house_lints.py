"""Each house rule once where it must speak and once where it must be silent."""

import pytest

from tools.house.source import Source
from tools.house_lints import check

STORE = "services/sales/src/sales/store/leads.py"
USECASE = "services/sales/src/sales/usecases/leads.py"
DOMAIN = "services/sales/src/sales/domain.py"
DOOR = "services/sales/src/sales/http/leads.py"
RPC = "services/sales/src/sales/rpc/sales_service.py"
CONSUMED = "services/sales/src/sales/consumed.py"
MAIN = "services/sales/src/sales/main.py"
CHASSIS = "libs/chassis/src/chassis/http.py"
TEST = "services/sales/tests/unit/test_leads.py"
PURPOSE = '"""Leads."""\n'


def rules_broken(path: str, text: str) -> set[str]:
    return {finding.rule for finding in check(Source(path, text))}


def function(lines: int, parameters: str = "") -> str:
    return f"def grow({parameters}) -> None:\n" + "    pass\n" * (lines - 1)


RED = {
    "clock in a use case": ("clock", USECASE, "now = datetime.now(UTC)"),
    "clock by its module": ("clock", STORE, "now = datetime.datetime.utcnow()"),
    "day of the machine": ("clock", DOMAIN, "today = date.today()"),
    "clock imported bare": ("clock", USECASE, "from time import monotonic\nstart = monotonic()"),
    "commit in a use case": ("commit", USECASE, "async def win(tx):\n    await tx.session.commit()"),
    "rollback in a store": ("commit", STORE, "async def add(session):\n    await session.rollback()"),
    "new row by the session": ("new-row", USECASE, "async def open(tx):\n    tx.session.add(lead)"),
    "new rows by the session": ("new-row", STORE, "def open(session):\n    session.add_all(leads)"),
    "the framework's exception": ("http-exception", DOOR, "from fastapi import HTTPException"),
    "the framework's exception in Starlette": (
        "http-exception",
        DOOR,
        "from starlette.exceptions import HTTPException",
    ),
    "the middleware that breaks cancelling": (
        "middleware",
        CHASSIS,
        "from starlette.middleware.base import BaseHTTPMiddleware",
    ),
    "work that a kill loses": ("background-tasks", DOOR, "from fastapi import BackgroundTasks"),
    "a door that decides": ("door", DOOR, "def win():\n" + "    x = 1\n" * 11),
    "a gRPC door that decides": ("door", RPC, "class Sales:\n    def win(self):\n" + "        x = 1\n" * 11),
    "select": ("tenant", STORE, "q = select(Lead).where(Lead.id == lead_id)"),
    "update": ("tenant", STORE, "q = update(Lead).where(Lead.id == lead_id).values(state='WON')"),
    "delete": ("tenant", STORE, "q = sa.delete(Lead).where(Lead.id == lead_id)"),
    "exists": ("tenant", STORE, "q = exists(Lead.id).where(Lead.id == lead_id)"),
    "inner select": (
        "tenant",
        STORE,
        "q = select(Lead).where(Lead.org_id == org, Lead.id.in_(select(Deal.lead_id)))",
    ),
    "outer select": (
        "tenant",
        STORE,
        "q = select(Lead).where(Lead.id.in_(select(Deal.lead_id).where(Deal.org_id == org)))",
    ),
    "table by its name": ("tenant", STORE, "q = update(counters).values(value=1)"),
    "columns of a table": ("tenant", STORE, "q = select(leads.c.id)"),
    "SQL text": ("tenant", STORE, "q = text('SELECT id FROM leads WHERE id = :id')"),
    "get by id alone": ("tenant", STORE, "async def get(session):\n    return await session.get(Lead, 1)"),
    "comment without a reason": ("tenant", STORE, "q = select(Lead)  # tenantless:"),
    "vague module": ("name", "services/sales/src/sales/utils.py", ""),
    "vague function": ("name", USECASE, "def process_lead(): ..."),
    "vague class": ("name", USECASE, "class LeadManager: ..."),
    "vague parameter": ("name", USECASE, "def win(data: dict): ..."),
    "vague variable": ("name", USECASE, "def win():\n    lead_info = 1"),
    "handler outside the consumers": ("name", USECASE, "def handle_deal_won(): ..."),
    "no purpose": ("purpose", "tools/program.py", "import os"),
    "long function": ("size", USECASE, function(61)),
    "long file": ("size", USECASE, "x = 1\n" * 500),
    "many parameters": ("size", USECASE, function(2, "a, b, c, d, e, f, g, h, i")),
    "registry": ("address", "README.md", "see https://pyp" + "i.org/project/execos"),
    "path of a machine": ("machine-path", "README.md", "cd /roo" + "t/execos"),
    "unfinished code": ("unfinished", USECASE, "# TOD" + "O: later"),
    "unfinished prose": ("unfinished", "README.md", "This part is not implemente" + "d."),
    "left-out test": ("empty-proof", TEST, "@pytest.mark.ski" + "p('later')\ndef test_it(): ..."),
    "assertion that cannot fail": ("empty-proof", TEST, "assert Tru" + "e"),
    "blanket ignore of types": ("empty-proof", USECASE, "x = 1  # type: ignor" + "e"),
    "blanket exception from ruff": ("empty-proof", USECASE, "x = 1  # noq" + "a"),
}

GREEN = {
    "clock at the edge": (MAIN, "now = datetime.now(UTC)"),
    "a timestamp from elsewhere": (USECASE, "at = datetime.fromisoformat(text)"),
    "new row by the transaction": (USECASE, "async def open(tx):\n    tx.add(lead)"),
    "commit at the edge": (CONSUMED, "async def feed(tx):\n    await tx.commit()"),
    "the chassis translates the framework": (CHASSIS, "from starlette.exceptions import HTTPException"),
    "an exception of another library": (
        "deploy/local/src/local/nats.py",
        "from http.client import HTTPException",
    ),
    "a door of ten statements": (DOOR, 'def win():\n    """Won."""\n' + "    x = 1\n" * 10),
    "a decision in a use case": (USECASE, "def win():\n" + "    x = 1\n" * 30),
    "select with a tenant": (STORE, "q = select(Lead).where(Lead.org_id == org_id).order_by(Lead.id)"),
    "keyword": (STORE, "q = select(Lead).filter_by(org_id=org_id)"),
    "both queries": (
        STORE,
        "q = select(Lead).where(Lead.org_id == org, exists(Deal.id).where(Deal.org_id == org))",
    ),
    "count of a query built before": (
        STORE,
        "def count(found):\n    return select(func.count()).select_from(found.subquery())",
    ),
    "columns of a query built before": (
        STORE,
        "def ids(found):\n    latest = found.cte()\n    return select(latest.c.id)",
    ),
    "SQL text with a tenant": (STORE, "q = text('SELECT id FROM leads WHERE org_id = :org_id')"),
    "SQL text without a table": (STORE, "q = text('SET LOCAL lock_timeout = 100')"),
    "reason in the line": (STORE, "q = select(Lead)  # tenantless: clean-up by the system role"),
    "reason above": (STORE, "# tenantless: clean-up by the system role\nq = select(Lead)"),
    "select elsewhere": (MAIN, "q = select(Lead)"),
    "dict.get": (STORE, "x = names.get(Lead)"),
    "words of the field": (
        MAIN,
        "public_base_url = database_url = metadata = processes = base64 = basis = 1",
    ),
    "a term in a class": (MAIN, "class DataDirectoryRefused(Exception): ..."),
    "a role": (DOMAIN, "class Role:\n    SALES_MANAGER = 1"),
    "handler of a fact": (CONSUMED, "def handle_deal_won(): ..."),
    "a test about killing": (TEST, "def test_killing_a_process_loses_nothing(): ..."),
    "sixty lines": (USECASE, function(60)),
    "eight parameters and self": (USECASE, "class Deal:\n    def win(self, a, b, c, d, e, f, g, h): ..."),
    "fixtures are parameters": (TEST, "def test_all(a, b, c, d, e, f, g, h, i): ..."),
    "allowed with a reason": (USECASE, "# house: allow clock, measures a duration\nstart = time.monotonic()"),
    "other folder": ("README.md", "see services/work/main and /usr/bin/env"),
    "a state of a work item": (DOMAIN, "MOVES = {State.TOD" + "O: frozenset({State.DONE})}"),
    "states in a comment": ("protos/execos/work/v1/work.proto", "// TOD" + "O | IN_PROGRESS | DONE"),
    "a process of the system": (MAIN, "process = start()"),
    "code of gRPC": (USECASE, "stu" + "b = sales_pb2_grpc.SalesServiceStub(channel)"),
    "exceptions with a code": (
        USECASE,
        "x = 1  # type: ignor" + "e[misc]\ny = 1  # noq" + "a: S101 - reason",
    ),
    "an empty package": ("services/sales/src/sales/store/__init__.py", ""),
}


def with_purpose(path: str, text: str) -> str:
    return PURPOSE + text if path.endswith(".py") and text else text


@pytest.mark.parametrize(("rule", "path", "text"), RED.values(), ids=RED)
def test_rule_speaks(rule: str, path: str, text: str) -> None:
    assert rules_broken(path, text if rule == "purpose" else with_purpose(path, text)) == {rule}


@pytest.mark.parametrize(("path", "text"), GREEN.values(), ids=GREEN)
def test_rules_are_silent(path: str, text: str) -> None:
    assert rules_broken(path, with_purpose(path, text)) == set()


def test_an_exception_needs_a_reason() -> None:
    text = PURPOSE + "start = time.monotonic()  # house: allow clock,\n"
    assert rules_broken(USECASE, text) == {"clock"}


def test_an_exception_counts_for_its_own_rule_only() -> None:
    text = PURPOSE + "start = time.monotonic()  # house: allow commit, measures a duration\n"
    assert rules_broken(USECASE, text) == {"clock"}


def test_warnings_are_shown_when_asked_for() -> None:
    source = Source(USECASE, PURPOSE + function(41))
    assert check(source) == []
    assert [finding.rule for finding in check(source, warn=True)] == ["size-warning"]


def test_generated_code_is_not_judged_by_its_form() -> None:
    assert rules_broken("libs/contracts/src/execos/sales/v1/sales_pb2.py", "x = 1\n" * 600) == set()
