"""Questions to a running process that need no client library: does it answer over HTTP, what does it say."""

import asyncio
import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from local.ports import HOST


async def http_status(
    port: int, path: str, *, method: str = "GET", timeout_seconds: float = 1.0
) -> int | None:
    """The status of an HTTP answer on loopback, or None when there is none in time."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection(HOST, port)
            lines = [
                f"{method} {path} HTTP/1.1",
                f"Host: {HOST}:{port}",
                "Content-Length: 0",
                "Connection: close",
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            words = (await reader.readline()).split(b" ", 2)
    except (OSError, TimeoutError, ValueError):
        return None
    finally:
        if writer is not None:
            writer.close()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


def http_json(port: int, path: str, *, timeout_seconds: float = 2.0) -> Any:
    """The JSON body of a GET on loopback, or None; blocks."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_seconds)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def is_platform_ready(https_port: int, certs: Path) -> bool:
    """Whether the gateway answers 200 at /ready over TLS that our own CA vouches for; blocks up to two seconds."""
    trust = ssl.create_default_context(cafile=certs / "ca.pem")
    connection = http.client.HTTPSConnection("localhost", https_port, timeout=2, context=trust)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
