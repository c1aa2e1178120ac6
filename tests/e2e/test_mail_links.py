"""Links in mails: who is invited belongs, who forgot their password sets a new one; only mailboxes see them."""

import re
import time
from collections.abc import Callable
from uuid import uuid4

from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Json, Visitor

Role = Callable[[str], Visitor]
MAIL_SECONDS = 10.0
PASSWORD = "a horse of another colour"


def token_in(mail: Json, stage: Stage, place: str) -> str:
    """The token of the one-time link, which leads to the platform's own address."""
    found: str = re.findall(rf"{re.escape(stage.run['gateway']['https'])}{place}(\S+)\n", mail["text"])[0]
    return found


def invitation_in(mail: Json, stage: Stage) -> str:
    """The invitation behind the link in a mail."""
    return f"/auth/invitations/{token_in(mail, stage, '/invite/')}"


def mails_to(stage: Stage, email: str, count: int) -> list[Json]:
    """That many mails to an address, newest first."""
    return eventually(
        lambda: found if len(found := stage.mails(email)) >= count else None,
        f"{count} mails",
        seconds=MAIL_SECONDS,
    )


def test_invited_person_joins_by_the_link_in_their_mail(
    stage: Stage, visit: Callable[..., Visitor], person: Role
) -> None:
    owner, email = person("owner"), f"nora.{uuid4().hex[:12]}@new.example"
    began = time.monotonic()
    invited = owner.post("/users", {"name": "Nora New", "email": email, "role": "SALES"})
    [mail] = mails_to(stage, email, 1)
    assert time.monotonic() - began < MAIL_SECONDS
    assert "Acme" in mail["subject"]
    nora, path = visit(), invitation_in(mail, stage)
    assert nora.get(path)["needsAccount"]
    nora.token = nora.post(f"{path}/accept", {"name": "Nora New", "password": PASSWORD})["accessToken"]
    assert nora.get("/auth/me")["id"] == invited["id"]
    assert visit().ask("GET", f"/api/v1{path}").status_code == 404  # the link is spent
    told = eventually(
        lambda: [each for each in owner.get("/notifications")["items"] if each["entityId"] == invited["id"]],
        "the notice",
    )
    assert [(each["type"], each["actor"]["name"]) for each in told] == [("member.joined", "Nora New")]
    everything = mails_to(stage, email, 2)  # the welcome too
    assert len({each["headers"]["Message-ID"][0] for each in everything}) == len(everything)


def test_resent_invitation_voids_the_older_link(
    stage: Stage, visit: Callable[..., Visitor], person: Role
) -> None:
    owner, email = person("owner"), f"otto.{uuid4().hex[:12]}@new.example"
    owner.post("/org/invite", {"email": email, "role": "VIEWER"})
    [older] = mails_to(stage, email, 1)
    [invitation] = [each for each in owner.get("/org/invitations")["items"] if each["email"] == email]
    owner.post(f"/org/invitations/{invitation['id']}/resend")
    newer, _ = mails_to(stage, email, 2)
    assert visit().ask("GET", f"/api/v1{invitation_in(older, stage)}").status_code == 404
    assert visit().get(invitation_in(newer, stage))["organisation"] == "Acme Works"


def test_forgotten_password_is_set_anew_once_by_the_link_and_its_owner_is_warned(
    stage: Stage, visit: Callable[..., Visitor]
) -> None:
    pia, email, anew = visit(), f"pia.{uuid4().hex[:12]}@new.example", f"{PASSWORD} again"
    organisation = {"name": "Pia Works"}
    pia.post(
        "/auth/signup", {"name": "Pia", "email": email, "password": PASSWORD, "organisation": organisation}
    )
    mails_to(stage, email, 2)  # the welcome, and the link to confirm the address
    pia.post("/auth/forgot-password", {"email": email})
    mail = mails_to(stage, email, 3)[0]
    body = {"token": token_in(mail, stage, "/reset/"), "newPassword": anew}
    pia.post("/auth/reset-password", body)
    assert pia.ask("POST", "/api/v1/auth/reset-password", json=body).status_code == 404
    assert visit().sign_in(email, anew).is_success
    subjects = {each["subject"] for each in mails_to(stage, email, 4)}
    assert "Your password was changed" in subjects
