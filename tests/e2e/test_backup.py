"""`make backup` and `make restore`: what a backup holds is back, what came after it is gone, and facts go on, once."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Json, Visitor

Role = Callable[[str], Visitor]


def win(sales: Visitor, mark: str) -> Json:
    """A deal that is won."""
    company = sales.post("/companies", {"name": f"Backup {uuid4().hex}"})
    me = sales.get("/auth/me")["id"]
    body = {"title": f"Deal {mark}", "companyId": company["id"], "ownerUserId": me}
    deal: Json = sales.post("/deals", body)
    won: Json = sales.post(f"/deals/{deal['id']}/mark-won")
    return won


def deliveries(person: Role, deal: Json) -> list[Json]:
    items: list[Json] = person("ops").get("/work-items", dealId=deal["id"])["items"]
    return items


def restored(stage: Stage, *arguments: str) -> tuple[int, str]:
    done = stage.local("restore", *arguments)
    return done.returncode, done.stdout


@pytest.mark.timeout(200)
def test_a_backup_brings_everything_back_and_facts_go_on_once(stage: Stage, person: Role) -> None:
    sales, mark = person("sales"), uuid4().hex[:8]
    kept = win(sales, f"kept {mark}")
    eventually(lambda: deliveries(person, kept), "the delivery item")
    listener = int(stage.process("work")["pid"])
    os.kill(listener, signal.SIGSTOP)
    try:
        unheard = win(sales, f"unheard {mark}")
        time.sleep(1)  # until sales has told the broker, which no backup holds
        said = stage.local("backup")
    finally:
        with contextlib.suppress(ProcessLookupError):  # a slow backup, and the supervisor has replaced it
            os.kill(listener, signal.SIGCONT)
    assert said.returncode == 0, said.stdout
    backup = next((stage.root / "backups").iterdir())
    try:
        lost = win(sales, f"lost {mark}")
        assert restored(stage) == (1, "Execos is running: `make down` first.\n")
        stage.local("down")
        assert "there is no backup until" in restored(stage, "--at", "2020-01-01")[1]
        _refuses_a_damaged(stage, backup)
        _keeps_what_is_there_when_the_backup_does_not_start(stage, backup)
        code, told = restored(stage)
        assert (code, f"{backup.name} is restored" in told) == (0, True), told
        stage.up()
    finally:
        shutil.rmtree(stage.root / "backups")
    assert sales.get(f"/deals/{kept['id']}")["stage"] == "WON"
    assert sales.ask("GET", f"/api/v1/deals/{lost['id']}").status_code == 404
    eventually(lambda: deliveries(person, unheard), "what work had not heard before the backup")
    after = win(sales, f"after {mark}")
    eventually(lambda: deliveries(person, after), "the delivery item of a deal after the restore")
    assert len(deliveries(person, kept)) == 1  # told again, done once
    assert sales.get("/companies", q="Backup")["totalCount"] >= 2


def _refuses_a_damaged(stage: Stage, backup: Path) -> None:
    version = backup / "postgres" / "PG_VERSION"
    content = version.read_bytes()
    version.write_bytes(b"x" + content)
    try:
        code, told = restored(stage)
    finally:
        version.write_bytes(content)
    assert (code, "is damaged" in told) == (1, True), told


def _keeps_what_is_there_when_the_backup_does_not_start(stage: Stage, backup: Path) -> None:
    version, manifest = backup / "postgres" / "PG_VERSION", backup / "postgres" / "backup_manifest"
    kept = {file: file.read_bytes() for file in (version, manifest)}
    version.write_bytes(b"17\n")
    listed = json.loads(kept[manifest])
    next(file for file in listed["Files"] if file["Path"] == "PG_VERSION")["Checksum"] = hashlib.sha256(
        b"17\n"
    ).hexdigest()
    manifest.write_text(json.dumps(listed))
    try:
        code, told = restored(stage)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
    assert (code, "nothing was restored" in told, "PostgreSQL 17" in told) == (1, True, True), told
    assert (stage.root / "postgres" / "PG_VERSION").read_bytes() == kept[version]
    assert list((stage.root / "secrets").iterdir())
    assert list((stage.root / "nats").iterdir())
