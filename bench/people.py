"""Signing in, beside the password hashes it is made of."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from tests.e2e.visitor import PASSWORD

from bench.figures import Limit, Result, ratios
from bench.load import Generator, Order
from bench.place import Place
from bench.trials import Pace
from bench.wire import request
from identity.passwords import LANES, MEMORY_KIB, PASSES, THREADS

SHARE = 0.8
CLIENTS = 4


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
    shares = ratios(ours, floor)
    detail = f"{median(ours):.1f} logins/s against {median(floor):.1f} hashes/s"
    return [Result("login", median(shares), "x hashes", Limit(SHARE, is_minimum=True, unit="x"), detail)]
