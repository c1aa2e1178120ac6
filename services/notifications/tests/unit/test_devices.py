"""Browsers by names that people know."""

import pytest

from notifications.mail.devices import device_of

GECKO = "(KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox (Linux)"),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 {GECKO} Chrome/138.0 Safari/537.36",
            "Chrome (Windows)",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 {GECKO} Chrome/138.0 Safari/537.36 Edg/138.0",
            "Edge (Windows)",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 {GECKO} Chrome/138.0 Mobile Safari/537.36",
            "Chrome (Android)",
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 {GECKO} Version/18.5 Safari/605.1",
            "Safari (macOS)",
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {GECKO} Version/18.5 Mobile/15E1 Safari/604.1",
            "Safari (iOS)",
        ),
        ("curl/8.14.1", "curl/8.14.1"),
        ("x\r\n" * 99, ("x " * 99)[:80]),
        ("", ""),
    ],
)
def test_a_browser_is_called_by_its_name(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device
