"""The real NATS: what it acknowledged survives kill -9."""

import json
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import nats

from local.nats import Server, throwaway
from local.ports import free_port


def test_a_throwaway_server_flushes_every_message_and_is_gone_after_the_block() -> None:
    with throwaway() as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.monitor_port}/jsz", timeout=5) as answer:
            jetstream = json.load(answer)
        assert jetstream["config"]["sync_always"] is True
        assert server.is_healthy()
    assert not server.is_healthy()


async def test_acknowledged_messages_survive_a_kill(tmp_path: Path) -> None:
    server = Server(tmp_path / "nats", free_port(), free_port())
    server.write_configuration()
    running = _start(server)
    client = await nats.connect(server.url)
    stream = client.jetstream()
    await stream.add_stream(name="EVENTS", subjects=["events.>"])
    for number in range(50):
        await stream.publish("events.x", str(number).encode())
    running.kill()
    running.wait()
    await client.close()
    running = _start(server)
    client = await nats.connect(server.url)
    state = (await client.jetstream().stream_info("EVENTS")).state
    await client.close()
    running.send_signal(signal.SIGTERM)
    running.wait(timeout=10)
    assert state.messages == 50


def _start(server: Server) -> "subprocess.Popen[bytes]":
    running = subprocess.Popen(server.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not server.is_healthy():
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.03)
    return running


def test_the_configuration_is_written_for_one_place_only(tmp_path: Path) -> None:
    configuration = json.loads(Server(tmp_path / "nats", 1234, 1235).write_configuration().read_text())
    assert configuration["listen"] == "127.0.0.1:1234"
    assert configuration["jetstream"]["store_dir"] == str(tmp_path / "nats" / "store")
    assert configuration["jetstream"]["sync_interval"] == "always"
