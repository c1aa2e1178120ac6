"""Somebody is invited by mail, follows the link, and belongs; nobody but the mailbox ever sees the link."""

import re
import time
from collections.abc import Callable
from uuid import uuid4

from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Json, Visitor

Role = Callable[[str], Visitor]
MAIL_SECONDS = 10.0
PASSWORD = "a horse of another colour"


def link_in(mail: Json, stage: Stage) -> str:
    """The path of the one-time link, which leads to the platform's own address."""
    found: str = re.findall(rf"{re.escape(stage.run['gateway']['https'])}/invite/(\S+)\n", mail["text"])[0]
    return f"/auth/invitations/{found}"


def test_invited_person_joins_by_the_link_in_their_mail(
    stage: Stage, visit: Callable[..., Visitor], person: Role
) -> None:
    owner, email = person("owner"), f"nora.{uuid4().hex[:12]}@new.example"
    began = time.monotonic()
    invited = owner.post("/users", {"name": "Nora New", "email": email, "role": "SALES"})
    [mail] = eventually(lambda: stage.mails(email), "the invitation", seconds=MAIL_SECONDS)
    assert time.monotonic() - began < MAIL_SECONDS
    assert "Acme" in mail["subject"]
    nora, path = visit(), link_in(mail, stage)
    assert nora.get(path)["needsAccount"]
    nora.token = nora.post(f"{path}/accept", {"name": "Nora New", "password": PASSWORD})["accessToken"]
    assert nora.get("/auth/me")["id"] == invited["id"]
    assert visit().ask("GET", f"/api/v1{path}").status_code == 404  # the link is spent
    told = eventually(
        lambda: [each for each in owner.get("/notifications")["items"] if each["entityId"] == invited["id"]],
        "the notice",
    )
    assert [(each["type"], each["actor"]["name"]) for each in told] == [("member.joined", "Nora New")]
    welcome = eventually(lambda: stage.mails(email)[:-1], "the welcome", seconds=MAIL_SECONDS)
    assert len({each["headers"]["Message-ID"][0] for each in [*welcome, mail]}) == len(welcome) + 1


def test_resent_invitation_voids_the_older_link(
    stage: Stage, visit: Callable[..., Visitor], person: Role
) -> None:
    owner, email = person("owner"), f"otto.{uuid4().hex[:12]}@new.example"
    owner.post("/org/invite", {"email": email, "role": "VIEWER"})
    [older] = eventually(lambda: stage.mails(email), "the invitation", seconds=MAIL_SECONDS)
    [invitation] = [each for each in owner.get("/org/invitations")["items"] if each["email"] == email]
    owner.post(f"/org/invitations/{invitation['id']}/resend")
    [newer] = eventually(lambda: stage.mails(email)[:-1], "the other mail", seconds=MAIL_SECONDS)
    assert visit().ask("GET", f"/api/v1{link_in(older, stage)}").status_code == 404
    assert visit().get(link_in(newer, stage))["organisation"] == "Acme Works"
