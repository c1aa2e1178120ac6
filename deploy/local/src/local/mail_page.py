"""The mail catcher's page: every mail with its text, its HTML in a sandbox, and its attachments as downloads."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Execos mail catcher</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430 }}
details {{ border: 1px solid #d8dee6; border-radius: 6px; margin: .5rem 0; padding: .5rem 1rem }}
summary {{ cursor: pointer }} small {{ color: #5c6b7d }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; background: #f5f7fa; padding: .75rem; border-radius: 4px }}
iframe {{ width: 100%; height: 26rem; border: 1px solid #d8dee6; background: #fff }}
</style></head><body>
<h1>Caught mails</h1>
<p>Nothing leaves this machine. The same as JSON: <a href="/api/messages">/api/messages</a>
(<code>?to=</code> filters by address).</p>
{mails}
</body></html>
"""

_MAIL = """<details><summary><strong>{subject}</strong> <small>to {to} &middot; {at}</small></summary>
<p><small>from {sender}</small></p>{attachments}{text}{html}</details>"""


def render(messages: Iterable[Mapping[str, Any]]) -> str:
    """The page as HTML; everything that came by mail is escaped."""
    mails = "\n".join(_mail(message) for message in messages)
    return _PAGE.format(mails=mails or "<p>None yet.</p>")


def _mail(message: Mapping[str, Any]) -> str:
    text = f"<pre>{escape(message['text'])}</pre>" if message["text"] else ""
    # An empty sandbox attribute: no script, no form, no navigation, no origin of ours.
    html = f'<iframe sandbox="" srcdoc="{escape(message["html"])}"></iframe>' if message["html"] else ""
    links = [
        f'<a download="{escape(one["filename"] or "attachment")}" '
        f'href="data:application/octet-stream;base64,{one["content"]}">{escape(one["filename"] or "attachment")}</a> '
        f"<small>{one['size']} bytes</small>"
        for one in message["attachments"]
    ]
    return _MAIL.format(
        subject=escape(message["subject"] or "(no subject)"),
        to=escape(", ".join(message["to"])),
        sender=escape(message["from"]),
        at=escape(message["at"]),
        attachments=f"<p>{', '.join(links)}</p>" if links else "",
        text=text,
        html=html,
    )
