"""The way of a browser to an OpenID provider and back, as tests go it."""

from typing import Any

import httpx2
from services.identity.tests.openid import CLIENT, RogueProvider
from services.identity.tests.place import Person, Place

from identity.provider_settings import OidcProvider
from identity.providers import Providers

HOME = "https://localhost:8443"
LOST = f"{HOME}/login?error=SIGN_IN_LOST"
REFUSED = f"{HOME}/login?error=PROVIDER_REFUSED"
AWAY = f"{HOME}/login?error=DEPENDENCY_UNAVAILABLE"
NOT_ADMITTED = f"{HOME}/login?error=NOT_ADMITTED"


def trust(place: Place, **urls: str) -> None:
    """Configure providers by name."""
    known = {name: OidcProvider.model_validate(CLIENT | {"issuer": url}) for name, url in urls.items()}
    place.stand.runtime.parts[Providers] = Providers(known, HOME)


async def start(browser: httpx2.AsyncClient, provider: str = "rogue", **query: str) -> str:
    """Begin; where the browser is sent."""
    answer = await browser.get(f"/auth/oidc/{provider}/start", params=query)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


async def finish(browser: httpx2.AsyncClient, callback: str) -> httpx2.Response:
    """Come back; what the browser is told."""
    assert callback.startswith(f"{HOME}/api/v1/auth/oidc/"), callback
    path = callback.removeprefix(f"{HOME}/api/v1")
    answer = await browser.get(path)
    assert answer.status_code == 303, answer.text
    return answer


async def sign_in(place: Place, rogue: RogueProvider, browser: httpx2.AsyncClient | None = None) -> str:
    """The whole way with the rogue provider; where it ends."""
    browser = browser or place.browser()
    answer = await finish(browser, rogue.sign_in(await start(browser)))
    is_in = "execos_refresh_token" in answer.cookies
    assert is_in == ("error=" not in answer.headers["location"])
    return str(answer.headers["location"])


def vouches(rogue: RogueProvider, person: Person, **claims: Any) -> None:
    rogue.claims = {"email": person.email, "email_verified": True} | claims
