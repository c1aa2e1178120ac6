"""The mail catcher: an SMTP server that delivers nothing, and a web page with an API that shows what came.

`python -m local.mail --directory D --smtp PORT --http PORT`. Both listen on loopback only.
"""

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as SmtpEnvelope

from local.mail_page import render
from local.mailbox import Envelope, Mailbox
from local.ports import HOST

MAX_MESSAGE_BYTES = 25 * 1024**2
_MAX_HEAD_BYTES = 16 * 1024
_OWN_HOSTS = ("localhost", "127.0.0.1")

Answer = tuple[HTTPStatus, str, str]


def _callbacks(mailbox: Mailbox) -> SimpleNamespace:
    """The callbacks of aiosmtpd, by the names it looks for; every recipient is welcome."""

    async def keep(_server: SMTP, _session: Session, envelope: SmtpEnvelope) -> str:
        content = envelope.content or b""
        raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        caught = Envelope(envelope.mail_from or "", [str(address) for address in envelope.rcpt_tos])
        try:
            mailbox.add(caught, raw)
        except OSError as error:
            return f"452 cannot be kept: {error.strerror}"
        return "250 kept"

    return SimpleNamespace(handle_DATA=keep)


async def serve(directory: Path, smtp_port: int, http_port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    mailbox = Mailbox(directory)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def smtp() -> SMTP:
        return SMTP(
            _callbacks(mailbox),
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Execos mail catcher",
            timeout=60,
            loop=loop,
        )

    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _converse(mailbox, reader, writer)

    async with (
        await loop.create_server(smtp, HOST, smtp_port),
        await asyncio.start_server(web, HOST, http_port, limit=_MAX_HEAD_BYTES),
    ):
        print(f"catching mail on {HOST}:{smtp_port}, page on http://{HOST}:{http_port}", flush=True)
        await stopping.wait()


async def _converse(mailbox: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            status, content_type, body = answer(mailbox, head.decode("latin-1"))
            content = body.encode("utf-8", "replace")
            writer.write(_head(status, content_type, len(content)) + content)
            await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the client went away or is no client of ours
    finally:
        writer.close()


def answer(mailbox: Mailbox, head: str) -> Answer:
    """The answer to a request head: status, content type, body."""
    request_line, *header_lines = head.split("\r\n")
    words = request_line.split(" ")
    if len(words) != 3:
        return _refused(HTTPStatus.BAD_REQUEST, "BAD_REQUEST")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in header_lines)
    }
    # A web page elsewhere must not read the mails through a name that points here (DNS rebinding).
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    if host not in _OWN_HOSTS:
        return _refused(HTTPStatus.NOT_FOUND, "UNKNOWN_HOST")
    address = urlsplit(words[1])
    match words[0], address.path:
        case "GET", "/healthz":
            return HTTPStatus.OK, "application/json", '{"status":"ok"}'
        case "GET", "/":
            return HTTPStatus.OK, "text/html; charset=utf-8", render(mailbox.messages())
        case "GET", "/api/messages":
            to = parse_qs(address.query).get("to", [None])[0]
            return HTTPStatus.OK, "application/json", json.dumps(list(mailbox.messages(to)))
        case "DELETE", "/api/messages":
            mailbox.clear()
            return HTTPStatus.NO_CONTENT, "application/json", ""
        case _, "/" | "/healthz" | "/api/messages":
            return _refused(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED")
    return _refused(HTTPStatus.NOT_FOUND, "NOT_FOUND")


def _refused(status: HTTPStatus, code: str) -> Answer:
    error = {"code": code, "message": status.phrase, "requestId": None}
    return status, "application/json", json.dumps({"error": error})


def _head(status: HTTPStatus, content_type: str, length: int) -> bytes:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'"
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {length}",
        f"Content-Security-Policy: {policy}",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        "Connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.mail", description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--smtp", type=int, required=True)
    parser.add_argument("--http", type=int, required=True)
    chosen = parser.parse_args(arguments)
    asyncio.run(serve(chosen.directory, chosen.smtp, chosen.http))


if __name__ == "__main__":
    main()
