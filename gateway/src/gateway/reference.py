"""The offline reference page of the API: one HTML file, and the policy that allows just its style and script."""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Final

_INLINE: Final = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


def reference_page() -> str:
    """The page, self-contained: it fetches nothing but the OpenAPI document beside it."""
    folder = files("gateway") / "docs"
    page = (folder / "page.html").read_text()
    style, script = ((folder / name).read_text() for name in ("page.css", "page.js"))
    return page.replace("</head>", f"<style>{style}</style></head>").replace(
        "</body>", f"<script>{script}</script></body>"
    )


def policy(page: str) -> str:
    """The Content-Security-Policy that lets exactly the inline style and script of `page` run."""
    allowed = {kind: _digest(text) for kind, text in _INLINE.findall(page)}
    return (
        f"default-src 'none'; style-src '{allowed['style']}'; script-src '{allowed['script']}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
