"""Facts: from a commit in one service to its effect in another, beside the broker alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid4

import nats
import uvloop
from nats.aio.client import Client
from nats.js.api import StorageType, StreamConfig

from bench.figures import Limit, Result, percentile
from bench.footprint import Meter
from bench.place import Place
from bench.trials import Pace
from bench.wire import Desk, request, trust

EFFECT_LIMIT = Limit(1000.0, unit=" ms")
FACTS_PER_SECOND = 100
FACTS_PER_COMMAND = 2  # the company's own and its activity
DEALS_PER_SECOND = 20
CONNECTIONS = 8
SETTLE_SECONDS = 5.0
FIRST_POLL_SECONDS = 0.02
LAST_POLL_SECONDS = 0.1
PAYLOAD = b'{"company": "%s"}' % (b"x" * 700)
HOST = "localhost"


def facts(here: Place, pace: Pace) -> list[Result]:
    """At 100 facts a second: the broker alone, then from commit to commit by PostgreSQL's own clock."""
    floor = uvloop.run(_broker_alone(here.stage.run["nats"], pace.facts_seconds))
    mark = uuid4().hex[:8]
    meter = Meter(here)
    commands, failures = uvloop.run(_companies(here, mark, pace.facts_seconds))
    time.sleep(SETTLE_SECONDS)
    costs = meter.each(commands)
    written = _commits(here, "sales", "SELECT id, {at} FROM company WHERE name LIKE %s", f"{mark} %")
    results = [
        Result(
            "event floor p99",
            percentile(floor, 0.99),
            "ms",
            None,
            f"publish, acknowledge, pull, acknowledge; p50 {percentile(floor, 0.5):.1f} ms",
        )
    ]
    effects = {
        "work": "SELECT id, {at} FROM known_company WHERE id = ANY(%s)",
        "billing": "SELECT id, {at} FROM known_company WHERE id = ANY(%s)",
        "reporting": "SELECT entity_id, {at} FROM audit_entry WHERE entity_id = ANY(%s)",
    }
    for service, query in effects.items():
        seen = _commits(here, service, query, list(written))
        latencies = [(seen[each] - at) * 1000 for each, at in written.items() if each in seen]
        missing = len(written) - len(latencies)
        detail = f"{commands} commands, {failures} refused, {missing} effects missing"
        results.append(_told(f"sales commit → effect in {service}, p99", latencies, missing, detail))
    return [*results, Result("processor time of a company", float(costs.split()[0]), "ms", None, costs)]


def deals(here: Place, pace: Pace) -> list[Result]:
    """At 20 deals a second: from the answer of mark-won to the delivery item in an answer of the gateway."""
    latencies, missing, costs = uvloop.run(_won_deals(here, pace.deals_seconds))
    return [
        _told("mark-won → delivery item seen, p99", latencies, missing, f"{missing} not seen"),
        Result("processor time of a won deal", float(costs.split()[0]), "ms", None, costs),
    ]


def _told(name: str, latencies: Sequence[float], missing: int, detail: str) -> Result:
    """The p99; what was not there when looking ended counts as late as that."""
    late = [SETTLE_SECONDS * 1000] * missing
    p50, p99 = (percentile([*latencies, *late], share) for share in (0.5, 0.99))
    return Result(name, p99, "ms", EFFECT_LIMIT, f"p50 {p50:.0f} ms, {len(latencies)} measured, {detail}")


def _commits(here: Place, service: str, query: str, wanted: object) -> dict[UUID, float]:
    """When the transactions of rows committed, in seconds."""
    at = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8"
    with here.cluster.connect(service) as connection:
        return dict(connection.execute(query.format(at=at).encode(), (wanted,)).fetchall())


async def _at_pace(act: Callable[[int], Awaitable[None]], *, per_second: float, seconds: float) -> None:
    """Start `act` at a steady pace, whatever the ones before are doing."""
    count = int(per_second * seconds)
    began = time.perf_counter()
    tasks = []
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
        tasks.append(asyncio.create_task(_done(act(number))))
    await asyncio.gather(*tasks)


async def _done(work: Awaitable[None]) -> None:
    await work


async def _broker_alone(url: str, seconds: float) -> list[float]:
    client = await nats.connect(url)
    context = client.jetstream()
    await context.add_stream(StreamConfig(name="BENCH", subjects=["bench.>"], storage=StorageType.FILE))
    try:
        return await _publish_and_pull(client, seconds)
    finally:
        await context.delete_stream("BENCH")
        await client.close()


async def _publish_and_pull(client: Client, seconds: float) -> list[float]:
    context = client.jetstream()
    inbox = await context.pull_subscribe("bench.>", durable="floor")
    began: dict[str, float] = {}
    latencies: list[float] = []
    expected = int(FACTS_PER_SECOND * seconds)

    async def publish(number: int) -> None:
        began[str(number)] = time.perf_counter()
        await context.publish("bench.fact", PAYLOAD, headers={"Nats-Msg-Id": str(number)})

    async def pull() -> None:
        while len(latencies) < expected:
            for message in await inbox.fetch(1, timeout=5):
                await message.ack_sync()
                number = (message.headers or {})["Nats-Msg-Id"]
                latencies.append((time.perf_counter() - began[number]) * 1000)

    puller = asyncio.create_task(pull())
    await _at_pace(publish, per_second=FACTS_PER_SECOND, seconds=seconds)
    await puller
    return latencies


async def _companies(here: Place, mark: str, seconds: float) -> tuple[int, int]:
    """Companies at a steady pace through the service's own port; how many were asked for and how many refused."""
    desk = await Desk.open(here.port("sales"), size=CONNECTIONS)
    token, statuses = here.token("sales"), []

    async def create(number: int) -> None:
        body = {"name": f"{mark} {number}"}
        content = request(
            "POST", "/api/v1/companies", host=HOST, token=token, body=body, key=f"{mark}{number}"
        )
        statuses.append((await desk.ask(content))[0])

    await _at_pace(create, per_second=FACTS_PER_SECOND / FACTS_PER_COMMAND, seconds=seconds)
    desk.close()
    return len(statuses), sum(status != 201 for status in statuses)


async def _won_deals(here: Place, seconds: float) -> tuple[list[float], int, str]:
    desk = await Desk.open(here.stage.ports.gateway_https, size=CONNECTIONS * 4, tls=trust(here.ca))
    ids = await _open_deals(here, desk, int(DEALS_PER_SECOND * seconds))
    sales, ops = here.token("sales"), here.token("ops")
    latencies: list[float] = []

    async def win(number: int) -> None:
        path = f"/api/v1/deals/{ids[number]}/mark-won"
        status, answer = await desk.ask(request("POST", path, host=HOST, token=sales, body={}))
        if status != 200:
            raise RuntimeError(f"mark-won: {status} {answer}")
        began = time.perf_counter()
        look = request("GET", f"/api/v1/work-items?dealId={ids[number]}", host=HOST, token=ops)
        pause = FIRST_POLL_SECONDS
        while time.perf_counter() - began < SETTLE_SECONDS:
            _, page = await desk.ask(look)
            if page.get("items"):
                latencies.append((time.perf_counter() - began) * 1000)
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LAST_POLL_SECONDS)  # looking must not cost more than what is looked at

    await asyncio.sleep(SETTLE_SECONDS)  # the facts of what was just made are no part of the measurement
    meter = Meter(here)
    await _at_pace(win, per_second=DEALS_PER_SECOND, seconds=seconds)
    desk.close()
    await asyncio.sleep(SETTLE_SECONDS)  # the last facts belong to the cost
    return latencies, len(ids) - len(latencies), meter.each(len(ids))


async def _open_deals(here: Place, desk: Desk, count: int) -> list[str]:
    token, mark = here.token("sales"), uuid4().hex[:8]
    me = here.person("sales").get("/auth/me")["id"]
    company = here.person("sales").post("/companies", {"name": f"Bench {mark}"})["id"]
    terms = {"companyId": company, "ownerUserId": me, "valueAmount": "100.00", "currency": "EUR"}
    turns = asyncio.Semaphore(CONNECTIONS)

    async def make(number: int) -> str:
        async with turns:
            body = terms | {"title": f"Bench {mark} {number}"}
            status, deal = await desk.ask(request("POST", "/api/v1/deals", host=HOST, token=token, body=body))
            if status != 201:
                raise RuntimeError(f"a deal for the measurement: {status} {deal}")
            return str(deal["id"])

    return await asyncio.gather(*(make(number) for number in range(count)))
