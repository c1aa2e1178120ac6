"""OpenID providers that a place trusts."""

from collections.abc import Iterator

import pytest
from services.identity.tests.oidc import trust
from services.identity.tests.openid import (
    RogueProvider,
    StandardProvider,
    rogue_provider,
    standard_provider,
)
from services.identity.tests.place import Place


@pytest.fixture(scope="session")
def standard() -> Iterator[StandardProvider]:
    """A real provider, one a worker."""
    with standard_provider() as provider:
        yield provider


@pytest.fixture
def rogue() -> Iterator[RogueProvider]:
    """A provider that can be made to lie."""
    with rogue_provider() as provider:
        yield provider


@pytest.fixture
def trusting(place: Place, standard: StandardProvider, rogue: RogueProvider) -> Place:
    """A place where people may sign in with both."""
    trust(place, standard=standard.url, rogue=rogue.url)
    return place
