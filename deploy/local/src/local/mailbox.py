"""Caught mails on disk, newest first: complete before the sender hears 250, at most 500 of them."""

import base64
import json
import os
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr
from pathlib import Path
from typing import Any

KEPT_MESSAGES = 500
KEPT_BYTES = 200 * 1024**2


@dataclass(frozen=True)
class Envelope:
    """What the SMTP dialogue said, beside the message itself."""

    sender: str
    recipients: list[str]


class Mailbox:
    """The mails in a directory, one file each: a JSON line with the envelope, then the message as it came."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sizes: OrderedDict[int, int] = OrderedDict()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(directory.glob("*.eml")):
            self._sizes[int(path.stem)] = path.stat().st_size
        self._last = max(self._sizes, default=0)

    def add(self, envelope: Envelope, content: bytes, now: datetime | None = None) -> int:
        """Keep a mail, forget the oldest beyond the limits; its id."""
        at = (now or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = json.dumps({"from": envelope.sender, "to": envelope.recipients, "at": at}).encode()
        self._last += 1
        path = self._path(self._last)
        draft = path.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(head + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        self._sizes[self._last] = len(head) + 1 + len(content)
        while len(self._sizes) > KEPT_MESSAGES or sum(self._sizes.values()) > KEPT_BYTES:
            oldest, _ = self._sizes.popitem(last=False)
            self._path(oldest).unlink(missing_ok=True)
        return self._last

    def messages(self, to: str | None = None) -> Iterator[dict[str, Any]]:
        """Every mail as the API shows it, newest first; `to` an address, compared without case."""
        wanted = to.strip().lower() if to else None
        for number in sorted(self._sizes, reverse=True):
            head, _, content = self._path(number).read_bytes().partition(b"\n")
            envelope = json.loads(head)
            if wanted is None or wanted in [address.lower() for address in envelope["to"]]:
                try:
                    yield _shown(number, envelope, content)
                except Exception:  # noqa: BLE001 - the parser fails in many ways on malformed mail, which must not hide the rest
                    yield _as_it_came(number, envelope, content)

    def clear(self) -> None:
        """Forget every mail."""
        while self._sizes:
            number, _ = self._sizes.popitem()
            self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:08d}.eml"


def _shown(number: int, envelope: dict[str, Any], content: bytes) -> dict[str, Any]:
    message = message_from_bytes(content, policy=policy.default)
    headers: dict[str, list[str]] = {}
    for name, value in message.items():
        headers.setdefault(name, []).append(str(value))
    return {
        "id": str(number),
        "from": parseaddr(str(message.get("From", "")))[1] or envelope["from"],
        "to": envelope["to"],
        "subject": str(message.get("Subject", "")),
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "headers": headers,
        "attachments": [_attachment(part) for part in message.iter_attachments()],
        "at": envelope["at"],
    }


def _as_it_came(number: int, envelope: dict[str, Any], content: bytes) -> dict[str, Any]:
    text = content.decode("utf-8", "replace")
    empty: dict[str, Any] = {"subject": "(cannot be parsed)", "html": None, "headers": {}, "attachments": []}
    return {"id": str(number), **envelope, **empty, "text": text}


def _body(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body(preferencelist=(subtype,))
    return None if part is None else _text(part)


def _text(part: MIMEPart) -> str:
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, UnicodeError):  # an unknown character set: show what can be shown
        return _payload(part).decode("utf-8", "replace")


def _attachment(part: MIMEPart) -> dict[str, Any]:
    content = _payload(part)
    return {
        "filename": part.get_filename(),
        "contentType": part.get_content_type(),
        "size": len(content),
        "content": base64.b64encode(content).decode(),
    }


def _payload(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else bytes(part)
