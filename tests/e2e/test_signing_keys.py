"""New signing keys under load: no good token is refused, whichever key signs and whoever is killed meanwhile."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from tests.e2e.conftest import People
from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Visitor

PEOPLE = {
    "sales@acme.example": ("/deals", "/notifications"),
    "ops@acme.example": ("/work-items", "/hygiene/inbox"),
    "finance@globex.example": ("/invoices", "/auth/me"),
}
ROTATIONS = 2
PACE_SECONDS = 0.2
UNDER_WAY_SECONDS = 0.5
KEY_SECONDS = (
    12.0  # announced for four where verifiers keep keys for one; the rest is a process that starts anew
)


@dataclass
class Seen:
    """What everybody was answered, and the keys that their tokens were signed with."""

    kids: set[str] = field(default_factory=set)
    good: int = 0
    refused: list[str] = field(default_factory=list)

    def note(self, answer: httpx2.Response) -> bool:
        """Count an answer, and say whether it is good; a part that is away (5xx) has refused nobody."""
        if answer.is_success:
            self.good += 1
        elif answer.status_code < 500:
            self.refused.append(f"{answer.request.url.path}: {answer.status_code} {answer.text[:120]}")
        return answer.is_success


def kid_of(token: str) -> str:
    """The key that a token is signed with."""
    kid: str = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"]
    return kid


def go_on(visitor: Visitor, paths: tuple[str, ...], seen: Seen, is_over: threading.Event) -> None:
    """Take a new token and read with it and with the first one, again and again."""
    first = newest = str(visitor.token)
    while not is_over.wait(PACE_SECONDS):
        try:
            answer = visitor.ask("POST", "/api/v1/auth/refresh")
            if seen.note(answer):
                newest = answer.json()["accessToken"]
                seen.kids.add(kid_of(newest))
            for token in (first, newest):
                for path in paths:
                    seen.note(
                        visitor.ask("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"})
                    )
        except httpx2.TransportError:
            continue


@contextmanager
def load(visit: People) -> Iterator[Seen]:
    """Everybody at work for the length of the block."""
    seen, is_over = Seen(), threading.Event()
    threads = [
        threading.Thread(target=go_on, args=(visit(email), paths, seen, is_over), daemon=True)
        for email, paths in PEOPLE.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        for thread in threads:
            thread.join(KEY_SECONDS)


@pytest.mark.timeout(90)
def test_rotation_refuses_nobodys_token(stage: Stage, visit: People) -> None:
    with load(visit) as seen:
        eventually(lambda: seen.kids, "tokens")
        for rotation in range(1, ROTATIONS + 1):
            told = stage.local("run", "identity", "rotate-keys")
            assert told.returncode == 0, told.stdout
            stage.kill("identity")
            eventually(lambda: len(seen.kids) > rotation, "tokens of the new key", seconds=KEY_SECONDS)  # noqa: B023
        time.sleep(UNDER_WAY_SECONDS)
    assert seen.refused == []
    assert seen.good > 100
