"""Logs: one JSON line an event, with the ids of its work, and no secrets."""

import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from chassis import logs
from chassis.context import Work, begin_work
from chassis.ids import new_id


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    """As the plugin configures it, whatever a command of another test or a test here has made of it."""
    configure("test", "info")
    yield
    configure("test", "info")


def configure(service: str, level: str) -> None:
    logs.configure(service, level)
    structlog.configure(cache_logger_on_first_use=False)


def test_line_names_the_work_it_belongs_to(capfd: pytest.CaptureFixture[str]) -> None:
    org, actor = new_id(), new_id()
    begin_work(Work("request", org_id=org, actor_id=actor, traceparent=f"00-{'a' * 32}-{'b' * 16}-01"))
    structlog.get_logger().info("something.happened", amount=3, who=new_id())
    (line,) = lines(capfd)
    assert (line["event"], line["level"], line["service"]) == ("something.happened", "info", "test")
    assert (line["request_id"], line["org_id"], line["actor_id"]) == ("request", str(org), str(actor))
    assert line["trace_id"] == "a" * 32
    assert line["timestamp"].endswith("Z")


def test_broken_trace_is_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    begin_work(Work("request", traceparent="nonsense"))
    structlog.get_logger().info("x")
    assert lines(capfd)[0]["trace_id"] is None


SECRETS = {
    "password": "hunter2",
    "new_password": "hunter2",
    "refresh_token": "hunter2",
    "Authorization": "hunter2",
    "cookie": "hunter2",
    "api_key": "hunter2",
    "client_secret": {"deep": "hunter2"},
    "url": "postgresql://sales:hunter2@127.0.0.1/sales",
    "text": "Bearer eyJhbGciOi.eyJzdWIi.hunter2 and exk_live_hunter2 and more",
    "error": "login of jane.hunter2@example.com failed",
}


def test_secrets_are_hidden_and_addresses_masked(capfd: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().warning("refused", **SECRETS)
    written = capfd.readouterr().out
    assert "hunter2" not in written
    line = json.loads(written)
    assert line["password"] == "[redacted]"
    assert line["error"] == "login of j***@example.com failed"
    assert line["url"] == "postgresql://sales:[redacted]@127.0.0.1/sales"


def test_stack_is_told_and_redacted(capfd: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().error("crashed", exc_info=ValueError("postgresql://sales:hunter2@db"))
    (line,) = lines(capfd)
    assert "ValueError" in line["exception"]
    assert "hunter2" not in line["exception"]


def test_libraries_write_the_same_lines(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("library").warning("careful: %s", "token=eyJa.eyJb.c")
    logging.getLogger("library").error("broken")
    logging.getLogger("library").info("chatter")
    first, second = lines(capfd)
    assert (first["event"], first["level"], first["logger"]) == (
        "careful: token=[redacted]",
        "warning",
        "library",
    )
    assert second["level"] == "error"


def test_level_is_configured(capfd: pytest.CaptureFixture[str]) -> None:
    configure("quiet", "warning")
    structlog.get_logger().info("chatter")
    structlog.get_logger().warning("careful")
    assert [line["service"] for line in lines(capfd)] == ["quiet"]


def test_request_line_outside_of_any_work(capfd: pytest.CaptureFixture[str]) -> None:
    logs.write_line("notes", "request", method="GET", route="/x", status=200, duration_ms=1.5)
    (line,) = lines(capfd)
    assert (line["service"], line["route"], line["status"]) == ("notes", "/x", 200)


def test_nothing_but_json_is_written_when_a_process_with_grpc_starts_a_child() -> None:
    program = (
        "import chassis, asyncio, grpc, uvloop\n"
        "async def main():\n"
        "    server = grpc.aio.server()\n"
        "    port = server.add_insecure_port('127.0.0.1:0')\n"
        "    await server.start()\n"
        "    async with grpc.aio.insecure_channel(f'127.0.0.1:{port}') as channel:\n"
        "        await channel.channel_ready()\n"
        "        for _ in range(20):\n"
        "            await (await asyncio.create_subprocess_exec('true')).wait()\n"
        "    await server.stop(0)\n"
        "uvloop.run(main())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_log_on_a_full_disk_ends_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        structlog.get_logger().error("request.crashed", exc_info=ValueError("no space left"))
        logs.write_line("notes", "request", status=503)
        with contextlib.suppress(OSError):
            full.close()  # what it could not write it tries again
