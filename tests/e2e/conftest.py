"""One platform for all journeys, and the people of its demo organisations."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from services.identity.tests.openid import CLIENT, StandardProvider, standard_provider
from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Visitor

People = Callable[..., Visitor]
TOKEN_SECONDS = 400.0


@pytest.fixture(scope="session")
def openid() -> Iterator[StandardProvider]:
    """An OpenID provider that the platform trusts."""
    with standard_provider() as provider:
        yield provider


@pytest.fixture(scope="session")
def stage(openid: StandardProvider) -> Iterator[Stage]:
    """The running platform; one that was running before is used as it is and left running."""
    trusted = json.dumps({"e2e": CLIENT | {"issuer": openid.url}})
    # Signing keys are kept for a second, so that a rotation fits into a journey.
    stage = Stage.at("e2e", IDENTITY_OIDC_PROVIDERS=trusted, EXECOS_JWKS_CACHE_SECONDS="1")
    was_up = stage.is_up
    try:
        stage.up()
        yield stage
    finally:
        if not was_up:
            stage.reset()


@pytest.fixture(autouse=True)
def healthy(stage: Stage) -> None:
    """Every journey begins with a healthy platform."""
    eventually(lambda: stage.health() == "healthy", "a healthy platform", seconds=20)


@pytest.fixture(scope="session")
def visit(stage: Stage) -> Iterator[People]:
    """A new visitor, signed in or not: `visit()`, `visit("owner@acme.example", host=…, address=…)`."""
    visitors: list[Visitor] = []

    def _visit(email: str | None = None, *, host: str = "localhost", address: str = "127.0.0.1") -> Visitor:
        visitor = Visitor(stage.url, stage.root / "certs" / "ca.pem", host=host, address=address)
        visitors.append(visitor)
        if email:
            answer = visitor.sign_in(email)
            assert answer.status_code == 200, answer.text
        return visitor

    yield _visit
    for visitor in visitors:
        visitor.close()


@pytest.fixture(scope="session")
def person(visit: People) -> Callable[[str], Visitor]:
    """Somebody of acme by role, with one token for several journeys: `person("sales")`."""
    known: dict[str, tuple[float, Visitor]] = {}

    def _person(role: str) -> Visitor:
        at, visitor = known.get(role, (float("-inf"), None))
        if visitor is None or time.monotonic() - at > TOKEN_SECONDS:
            visitor = visit(f"{role}@acme.example")
            known[role] = (time.monotonic(), visitor)
        return visitor

    return _person
