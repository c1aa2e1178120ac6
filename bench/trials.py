"""Comparisons under load: A B A B …, round by round."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import jwt

from bench import gateways
from bench.figures import Limit, Result, Round, Side, compared
from bench.identity_floors import sealed
from bench.load import CHAINED, UNIQUE, Generator, Order
from bench.place import Bare, Place, Signed
from bench.processes import cpu_seconds
from bench.wire import request
from chassis.rpc import gateway_token
from identity.http.cookies import REFRESH

RATIO = 0.6
EDGE_MICROS = 90.0
WARM_REQUESTS = 500
HOST = "localhost"


@dataclass(frozen=True)
class Pace:
    """How long each part is measured."""

    rounds: int = 5
    seconds: float = 3.0
    facts_seconds: float = 10.0
    deals_seconds: float = 10.0
    login_seconds: float = 3.0
    login_rounds: int = 3


QUICK = Pace(rounds=3, seconds=1.5, facts_seconds=4.0, deals_seconds=4.0, login_seconds=1.5, login_rounds=2)


@dataclass(frozen=True)
class Contender:
    """One side: what is sent where, and whose processor time it costs."""

    name: str
    pid: int
    order: Callable[[float], Order]
    took: Callable[[dict[str, Any]], None] = lambda _result: None
    """What the side learns of each round, such as where its sessions are now."""


def duel(generator: Generator, sides: Sequence[Contender], pace: Pace) -> list[Side]:
    """Each side in turn, `pace.rounds` times, after a warm-up of each: caches filled, statements prepared."""
    results = [Side(each.name) for each in sides]
    for each in sides:
        warm = 0
        while warm < WARM_REQUESTS:
            warm += _round(generator, each, 1.0).requests
    for _ in range(pace.rounds):
        for each, side in zip(sides, results, strict=True):
            side.rounds.append(_round(generator, each, pace.seconds))
    return results


def _round(generator: Generator, side: Contender, seconds: float) -> Round:
    before = cpu_seconds(side.pid)
    result = generator.run(side.order(seconds))
    cpu = cpu_seconds(side.pid) - before
    side.took(result)
    if not result["requests"]:
        raise RuntimeError(f"{side.name}: nothing but failures, such as {result['sample']}")
    return Round(
        result["requests"], result["failures"], result["seconds"], cpu, result["p50_ms"], result["p99_ms"]
    )


def _side(name: str, pid: int, port: int, content: bytes, ca: str = "") -> Contender:
    return Contender(name, pid, lambda seconds: Order(port, content, seconds, ca=ca))


def reads(generator: Generator, here: Place, both: Bare, pace: Pace) -> list[Result]:
    """A list of twenty and a single company, against the read floor."""
    token = here.token("sales")
    results = []
    for name, path in (("list of 20", ""), ("single read", f"/{both.company_id}")):
        ours = request("GET", f"/api/v1/companies{path}", host=HOST, token=token)
        floor = request("GET", f"/companies{path}", host=HOST)
        contenders = [
            _side("floor", both.floor_pid, both.floor_port, floor),
            _side("sales", both.sales_pid, both.sales_port, ours),
        ]
        below, above = duel(generator, contenders, pace)
        results += compared(name, above, below, RATIO)
    return results


def writes(generator: Generator, here: Place, both: Bare, pace: Pace) -> list[Result]:
    """Creating a company with an idempotency key, against the write floor."""
    body = {"name": f"Bench {UNIQUE}"}
    token = here.token("sales")
    ours = request("POST", "/api/v1/companies", host=HOST, token=token, body=body, key=UNIQUE)
    floor = request("POST", "/companies", host=HOST, body=body)
    contenders = [
        _side("floor", both.floor_pid, both.floor_port, floor),
        _side("sales", both.sales_pid, both.sales_port, ours),
    ]
    below, above = duel(generator, contenders, pace)
    return compared("create with key", above, below, RATIO)


def signed_in(generator: Generator, both: Signed, pace: Pace) -> list[Result]:
    """Who am I, and the next refresh token, against their floors; each connection refreshes a session of its own."""
    token, session_id, user_id = both.tokens[0], claim(both.tokens[0], "sid"), claim(both.tokens[0], "sub")
    ours = request("GET", "/api/v1/auth/me", host=HOST, token=token)
    floor = request("GET", f"/me?user={user_id}&session={session_id}", host=HOST)
    below, above = duel(
        generator,
        [
            _side("floor", both.floor_pid, both.floor_port, floor),
            _side("identity", both.identity_pid, both.identity_port, ours),
        ],
        pace,
    )
    results = compared("who am I", above, below, RATIO)
    floors = [sealed(UUID(claim(each, "sid")), 0) for each in both.tokens[: len(both.tokens) // 2]]
    own = both.cookies[len(both.cookies) // 2 :]
    below, above = duel(
        generator,
        [
            _chained("floor", both.floor_pid, both.floor_port, "/refresh", floors),
            _chained("identity", both.identity_pid, both.identity_port, "/api/v1/auth/refresh", own),
        ],
        pace,
    )
    return results + compared("refresh", above, below, RATIO)


def _chained(name: str, pid: int, port: int, path: str, cookies: list[str]) -> Contender:
    content = request("POST", path, host=HOST, body={}, cookie=f"{REFRESH}={CHAINED}")

    def took(result: dict[str, Any]) -> None:
        cookies[:] = result["chains"]

    return Contender(
        name,
        pid,
        lambda seconds: Order(port, content, seconds, connections=len(cookies), chains=list(cookies)),
        took,
    )


def claim(token: str, name: str) -> str:
    """What an access token says, unverified."""
    return str(jwt.decode(token, options={"verify_signature": False})[name])


def edge(generator: Generator, here: Place, both: Bare, pace: Pace, folder: Path) -> list[Result]:
    """Processor time of the gateway with everything on, beside TLS and tokens alone."""
    behind = gateways.Behind(
        constant_port=both.floor_port,
        identity_port=here.port("identity"),
        identity_rpc_port=here.stage.ports.grpc("identity"),
        identity_token=gateway_token(here.keys.text("service-secret")),
        issuer=here.settings.public_url,
        certs=here.stage.root / "certs",
    )
    content = request("GET", "/api/v1/companies/constant/route", host=HOST, token=here.token("sales"))
    with (
        gateways.floor(behind, folder / "edge") as bare_edge,
        gateways.ours(behind, folder / "gateway") as full,
    ):
        contenders = [
            _side("edge floor", bare_edge.pid, bare_edge.port, content, str(here.ca)),
            _side("gateway", full.pid, full.port, content, str(here.ca)),
        ]
        below, above = duel(generator, contenders, pace)
    extra = [one.cpu_micros - other.cpu_micros for one, other in zip(above.rounds, below.rounds, strict=True)]
    detail = (
        f"edge floor {below.cpu_micros:.0f} µs, so all filters together {median(extra):.0f} µs; "
        f"{above.per_second:.0f}/s against {below.per_second:.0f}/s"
    )
    return [Result("gateway CPU a request", above.cpu_micros, "µs", Limit(EDGE_MICROS, unit=" µs"), detail)]
