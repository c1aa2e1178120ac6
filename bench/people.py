"""Signing in, beside the password hashes it is made of."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from tests.e2e.visitor import PASSWORD

from bench.figures import Limit, Result, ratios
from bench.footprint import MIB
from bench.load import Generator, Order
from bench.place import Place
from bench.processes import rss_bytes
from bench.trials import Pace
from bench.wire import request
from identity.passwords import LANES, MEMORY_KIB, PASSES, THREADS

SHARE = 0.8
CLIENTS = 4
CROWD = 200
CROWD_MIB = (THREADS + 1) * MEMORY_KIB / 1024
"""What as many hashes need as are worked out at once, and one more: whoever waits holds none."""


def hashes_per_second(seconds: float) -> float:
    """Argon2id with identity's parameters on as many threads as identity uses."""
    from pwdlib.hashers.argon2 import Argon2Hasher  # noqa: PLC0415 - only this part needs it

    hasher = Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
    stored = hasher.hash(PASSWORD)
    deadline = time.perf_counter() + seconds

    def verify() -> int:
        count = 0
        while time.perf_counter() < deadline:
            hasher.verify(PASSWORD, stored)
            count += 1
        return count

    with ThreadPoolExecutor(THREADS) as pool:
        began = time.perf_counter()
        counts = list(pool.map(lambda _: verify(), range(THREADS)))
    return sum(counts) / (time.perf_counter() - began)


def logins(here: Place, pace: Pace) -> list[Result]:
    """Logins a second over hashes a second, round by round."""
    body = {"email": "viewer@globex.example", "password": PASSWORD}
    content = request("POST", "/api/v1/auth/login", host="localhost", body=body)
    ours, floor = [], []
    with Generator.started() as generator:
        for _ in range(pace.login_rounds):
            floor.append(hashes_per_second(pace.login_seconds))
            result = generator.run(Order(here.port("identity"), content, pace.login_seconds, CLIENTS))
            if not result["requests"]:
                raise RuntimeError(result["sample"])
            ours.append(result["requests"] / result["seconds"])
        crowd = _crowd(here, generator, content, pace)
    shares = ratios(ours, floor)
    detail = f"{median(ours):.1f} logins/s against {median(floor):.1f} hashes/s"
    share = Result("login", median(shares), "x hashes", Limit(SHARE, is_minimum=True, unit="x"), detail)
    return [share, crowd]


def _crowd(here: Place, generator: Generator, content: bytes, pace: Pace) -> Result:
    """What identity's memory grows by while as many sign in at once as the issue names."""
    pid = next(int(each["pid"]) for each in here.stage.run["processes"] if each["name"] == "identity")
    before, peak = rss_bytes(pid), 0
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(generator.run, Order(here.port("identity"), content, pace.login_seconds, CROWD))
        while not running.done():
            peak = max(peak, rss_bytes(pid))
            time.sleep(0.02)
    result = running.result()
    detail = (
        f"{before / MIB:.0f} MiB before; {result['requests']} let in, {result['failures']} asked to come back"
    )
    return Result(
        "memory of 200 parallel logins", (peak - before) / MIB, "MiB", Limit(CROWD_MIB, unit=" MiB"), detail
    )
