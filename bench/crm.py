"""Sales with many rows: twenty organisations, lists, search and board at one client, and an import of many rows."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import httpx2
import psycopg
from psycopg.types.json import Jsonb

from bench.figures import Limit, Result
from bench.footprint import MIB
from bench.import_files import write_files
from bench.load import Generator, Order
from bench.place import ORGANISATIONS, Place, environment_of, run, serving
from bench.processes import rss_bytes
from bench.trials import Pace
from bench.wire import request
from chassis.ids import new_id
from local.ports import HOST
from sales.domain.documents import document, words_in
from sales.domain.finding import EntityType
from sales.domain.pipelines import DEFAULT_STAGES

DATABASE = "sales_crm"
COMPANIES, CONTACTS_EACH, IMPORTED = 100_000, 3, 100_000
OPEN_DEALS = 10_000
"""Of the organisation that is asked; the others share what is left of a deal for each company."""
READ_MS, BOARD_MS, IMPORT_SECONDS, IMPORT_MIB = 50.0, 200.0, 120.0, 150.0
SELLER = "owner"
NAMES = ("Brandt", "Meyer", "Nord", "Metall", "Press", "Holz", "Bau", "Technik", "Solar", "Wind")


class Question(NamedTuple):
    """What is asked, and within how many milliseconds the answer is to be there."""

    name: str
    path: str
    limit: float = READ_MS


QUESTIONS = (
    Question("list of 20 companies", "/companies?page=3&q=press"),
    Question("list of 20 contacts", "/contacts?sortBy=name&sortDir=asc"),
    Question("list of 20 deals", "/deals?stage=OPEN&sortBy=valueAmount"),
    Question("search, one word", "/search?q=brandt"),
    Question("search, two common words", "/search?q=press+wind"),
    Question("search, an address", "/search?q=info77%40company"),
    Question("board of 10,000 open deals", "/deals/board", BOARD_MS),
)


@dataclass(frozen=True)
class Crowd:
    """A sales service on these rows."""

    pid: int
    port: int


def crm(here: Place, generator: Generator, pace: Pace) -> list[Result]:
    """Reads at one client, then an import into the same tables."""
    scale = 1.0 if pace.rounds > 3 else 0.1
    with crowd(here, scale) as both:
        results = [_read(generator, here, both, each, pace.seconds) for each in QUESTIONS]
        for file in write_files(here.folder, int(IMPORTED * scale)):
            results += _import(here, both, file, int(IMPORTED * scale))
            file.unlink()
    return results


@contextlib.contextmanager
def crowd(here: Place, scale: float) -> Iterator[Crowd]:
    """The service with its doors and its jobs; nothing of it is told to anybody."""
    here.cluster.ensure_database("sales", name=DATABASE)
    environment = environment_of(here, "sales", DATABASE)
    run([sys.executable, "-m", "sales", "migrate"], environment)
    with here.cluster.connect(DATABASE) as connection:
        fill(connection, [here.organisation(), *(new_id() for _ in range(ORGANISATIONS - 1))], scale)
    port = int(environment["SALES_HTTP_ADDRESS"].rpartition(":")[2])
    command = [sys.executable, "-m", "sales", "serve", "--only", "http,jobs"]
    with serving(command, environment, port) as pid:
        yield Crowd(pid, port)


def fill(connection: psycopg.Connection, organisations: Sequence[UUID], scale: float) -> None:
    """Companies, contacts and deals of each organisation, with what they are found by."""
    each = int(COMPANIES * scale) // len(organisations)
    for place, org_id in enumerate(organisations):
        deals = int(OPEN_DEALS * scale) if place == 0 else each
        _fill_one(connection, org_id, each, deals)
    connection.execute("VACUUM ANALYZE")


def _fill_one(connection: psycopg.Connection, org_id: UUID, companies: int, deals: int) -> None:
    now, owner, pipeline = datetime.now(UTC), new_id(), new_id()
    born: dict[str, Any] = {"org_id": org_id, "version": 1, "updated_at": now}
    person: dict[str, Any] = {"org_id": org_id, "id": owner, "version": 1, "copied_at": now, "name": "Olga"}
    olga = person | {"email": "olga@test.example", "role": "SALES", "status": "active"}
    _copy(connection, "known_member", [olga])
    stages = Jsonb([dict(stage) for stage in DEFAULT_STAGES])
    _copy(
        connection,
        "pipeline",
        [born | {"id": pipeline, "created_at": now, "name": "Sales", "is_default": True, "stages": stages}],
    )
    known = [born | _company(number, owner, now) for number in range(companies)]
    persons = [
        born | _contact(number, company, owner) for company in known for number in range(CONTACTS_EACH)
    ]
    sales = [born | _deal(number, known[number % companies], owner, pipeline) for number in range(deals)]
    for table, rows in (("company", known), ("contact", persons), ("deal", sales)):
        _copy(connection, table, [{k: v for k, v in row.items() if k != "shown"} for row in rows])
    kinds = ((EntityType.COMPANY, known), (EntityType.CONTACT, persons), (EntityType.DEAL, sales))
    shown = [(kind, SimpleNamespace(**(row | row["shown"]))) for kind, rows in kinds for row in rows]
    tenant = {"org_id": org_id}
    _copy(connection, "search_document", [tenant | document(kind, row) for kind, row in shown])
    _copy(connection, "search_word", [tenant | word for kind, row in shown for word in words_in(kind, row)])


def _company(number: int, owner: UUID, now: datetime) -> dict[str, Any]:
    first, second = NAMES[number % 10], NAMES[number // 10 % 10]
    text = {"name": f"{first} {second} {number} GmbH", "email": f"info{number}@company{number}.example"}
    shown = {"legal_name": None, "vat_id": None, "website": None, "phone": None, "industry": "Rail"}
    at = now - timedelta(minutes=number)
    return text | {
        "id": new_id(),
        "created_at": at,
        "industry": "Rail",
        "owner_user_id": owner,
        "shown": shown,
    }


def _contact(number: int, company: dict[str, Any], owner: UUID) -> dict[str, Any]:
    email = f"person{number}@{company['email'].partition('@')[2]}"
    channel = {"kind": "email", "value": email, "isPrimary": True, "key": email}
    name = f"Anna {NAMES[number % 10]} {company['name'].split()[2]}"
    shown = {"company": {"name": company["name"]}, "title": None, "channels": [channel]}
    return {
        "id": new_id(),
        "created_at": company["created_at"],
        "name": name,
        "email": email,
        "company_id": company["id"],
        "channels": Jsonb([channel]),
        "owner_user_id": owner,
        "shown": shown,
    }


def _deal(number: int, company: dict[str, Any], owner: UUID, pipeline: UUID) -> dict[str, Any]:
    at = company["created_at"]
    stage = DEFAULT_STAGES[number % len(DEFAULT_STAGES)]["key"]
    return {
        "id": new_id(),
        "created_at": at,
        "title": f"Press {number}",
        "stage": "OPEN",
        "company_id": company["id"],
        "value_minor": number * 100,
        "currency": ("EUR", "USD")[number % 2],
        "last_activity_at": at,
        "pipeline_id": pipeline,
        "pipeline_stage": stage,
        "stage_entered_at": at,
        "owner_user_id": owner,
        "shown": {"company": {"name": company["name"]}},
    }


def _copy(connection: psycopg.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    names = list(rows[0])
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def _read(generator: Generator, here: Place, both: Crowd, asked: Question, seconds: float) -> Result:
    content = request("GET", f"/api/v1{asked.path}", host=HOST, token=here.token(SELLER))
    result = generator.run(Order(both.port, content, seconds, connections=1))
    if result["failures"] or not result["requests"]:
        raise RuntimeError(f"{asked.name}: {result['sample']}")
    detail = f"p50 {result['p50_ms']:.1f}, p99 {result['p99_ms']:.1f} ms, {result['requests']} requests"
    return Result(f"{asked.name}, p95", result["p95_ms"], "ms", Limit(asked.limit, unit=" ms"), detail)


def _import(here: Place, both: Crowd, file: Path, count: int) -> list[Result]:
    """Uploaded, mapped as suggested, applied; the memory of the service at its highest."""
    idle, peak = rss_bytes(both.pid), 0
    headers = {"authorization": f"Bearer {here.token(SELLER)}"}
    with httpx2.Client(base_url=f"http://{HOST}:{both.port}/api/v1", headers=headers, timeout=60) as api:
        began = time.monotonic()
        with file.open("rb") as content:
            sent = api.post("/imports", data={"entity": "company"}, files={"file": (file.name, content)})
        taken = sent.raise_for_status().json()
        path = f"/imports/{taken['id']}"
        mapping = {"mapping": taken["suggestedMapping"], "duplicatePolicy": "update", "matchBy": ["name"]}
        api.put(f"{path}/mapping", json=mapping).raise_for_status()
        api.post(f"{path}/apply").raise_for_status()
        while (state := api.get(path).raise_for_status().json())["status"] == "applying":
            peak = max(peak, rss_bytes(both.pid))
            time.sleep(0.2)
        seconds = time.monotonic() - began
    if state["status"] != "applied":
        raise RuntimeError(str(state))
    counted = ", ".join(f"{name} {number}" for name, number in state["counters"].items() if number)
    name = f"import of {count:,} rows, {file.suffix[1:].upper()}"
    return [
        Result(name, seconds, "s", Limit(IMPORT_SECONDS, unit=" s"), counted),
        Result(
            f"{name}, over idle",
            (peak - idle) / MIB,
            "MiB",
            Limit(IMPORT_MIB, unit=" MiB"),
            f"{idle / MIB:.0f} MiB before",
        ),
    ]
