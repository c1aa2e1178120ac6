"""Whoever loses access loses it within five seconds, also in services that were never told of them before.

How soon a revoked key is dead there too: `test_api_keys.py`.
"""

from collections.abc import Callable
from uuid import uuid4

import httpx2
import pytest
from tests.e2e.conftest import People
from tests.e2e.stage import Stage, eventually
from tests.e2e.test_mail_links import PASSWORD, invitation_in, mails_to
from tests.e2e.visitor import Json, Visitor, envelope

SECONDS = 5.0


def newcomer(stage: Stage, visit: People, admin: Visitor) -> tuple[Visitor, str]:
    """Somebody who sells and has just joined, signed in; their id."""
    email = f"leaver.{uuid4().hex[:12]}@new.example"
    invited = admin.post("/users", {"name": "Lea Leaver", "email": email, "role": "SALES"})
    [mail] = mails_to(stage, email, 1)
    person = visit()
    accepted = person.post(f"{invitation_in(mail, stage)}/accept", {"name": "Lea", "password": PASSWORD})
    person.token = accepted["accessToken"]
    return person, invited["id"]


def at_work(stage: Stage, person: Visitor) -> httpx2.Response:
    """What the service of work says itself, gone round the gateway."""
    items = f"{stage.process('work')['http']}/api/v1/work-items"
    return httpx2.get(items, headers={"Authorization": f"Bearer {person.token}"})


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("DELETE", "/org/members/{id}", None, "TOKEN_REVOKED"),
        ("POST", "/users/{id}/deactivate", None, "TOKEN_REVOKED"),
        ("POST", "/users/{id}/roles", {"role": "VIEWER"}, "TOKEN_STALE"),
    ],
)
def test_who_is_removed_suspended_or_demoted_is_refused_everywhere(
    stage: Stage,
    visit: People,
    person: Callable[[str], Visitor],
    method: str,
    path: str,
    body: Json | None,
    code: str,
) -> None:
    admin = person("admin")
    leaver, leaver_id = newcomer(stage, visit, admin)
    assert at_work(stage, leaver).status_code == 200
    assert admin.ask(method, f"/api/v1{path.format(id=leaver_id)}", json=body).is_success
    assert_refused(stage, leaver, code)


def test_who_changes_the_password_ends_the_other_sessions_everywhere(
    stage: Stage, visit: People, person: Callable[[str], Visitor]
) -> None:
    owner, _ = newcomer(stage, visit, person("admin"))
    thief = visit()
    assert thief.sign_in(owner.get("/auth/me")["email"], PASSWORD).is_success
    assert at_work(stage, thief).status_code == 200
    change = {"currentPassword": PASSWORD, "newPassword": "another horse of no colour"}
    owner.post("/auth/change-password", change)
    assert_refused(stage, thief, "TOKEN_REVOKED")
    assert at_work(stage, owner).status_code == 200


def assert_refused(stage: Stage, person: Visitor, code: str) -> None:
    """Through the gateway and round it, with this code, in time."""

    def says(ask: Callable[[], httpx2.Response]) -> bool:
        answer = ask()
        return answer.status_code == 401 and envelope(answer)["code"] == code

    eventually(lambda: says(lambda: at_work(stage, person)), f"{code} in work", seconds=SECONDS)
    eventually(lambda: says(lambda: person.ask("GET", "/api/v1/deals")), f"{code} in sales", seconds=SECONDS)
