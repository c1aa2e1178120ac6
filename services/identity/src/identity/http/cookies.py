"""The cookies: the refresh token, the mark of a device its person has signed in on, that of a browser at a provider."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Cookie, Response

from identity.domain.oidc_states import STATE_LIFETIME
from identity.reception import Opened, Reception

REFRESH = "execos_refresh_token"
DEVICE = "execos_device"
BROWSER = "execos_oidc"
PATH = "/api/v1/auth"
DEVICE_SECONDS = 180 * 24 * 3600

RefreshCookie = Annotated[str | None, Cookie(alias=REFRESH, include_in_schema=False)]
DeviceCookie = Annotated[str | None, Cookie(alias=DEVICE, include_in_schema=False)]
BrowserCookie = Annotated[str | None, Cookie(alias=BROWSER, include_in_schema=False)]


def give(response: Response, reception: Reception, opened: Opened) -> None:
    """Set the refresh cookie, and the device's mark where there is one."""
    same_site = reception.settings.cookie_samesite
    now = reception.source.clock()
    _set(response, REFRESH, opened.refresh_token, _seconds(opened.cookie_until, now), same_site)
    if opened.device_mark is not None:
        _set(response, DEVICE, opened.device_mark, DEVICE_SECONDS, same_site)


def take(response: Response, reception: Reception) -> None:
    """Remove the refresh cookie; the device stays known."""
    _set(response, REFRESH, "", 0, reception.settings.cookie_samesite)


def mark_browser(response: Response, mark: str) -> None:
    """Bind a sign-in to the browser that began it; sent along when the provider sends the browser back (lax)."""
    _set(response, BROWSER, mark, int(STATE_LIFETIME.total_seconds()), "lax")


def _set(
    response: Response, name: str, value: str, seconds: int, same_site: Literal["none", "lax", "strict"]
) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path=PATH, secure=True, httponly=True, samesite=same_site
    )


def _seconds(until: datetime, now: datetime) -> int:
    return max(int((until - now).total_seconds()), 0)
