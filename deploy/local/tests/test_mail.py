"""The mail catcher as its own process: SMTP in, JSON and a page out, nothing acknowledged is lost."""

import base64
import json
import smtplib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from local.mailbox import Envelope, Mailbox
from local.ports import free_port


@dataclass
class Catcher:
    """A running catcher."""

    directory: Path
    smtp: int
    http: int
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, directory: Path) -> "Catcher":
        smtp, http = free_port(), free_port()
        command = [sys.executable, "-m", "local.mail", "--directory", str(directory)]
        process = subprocess.Popen(
            [*command, "--smtp", str(smtp), "--http", str(http)], stdout=subprocess.DEVNULL
        )
        catcher = cls(directory, smtp, http, process)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                catcher.get("/healthz")
                break
            except urllib.error.URLError:
                time.sleep(0.03)
        return catcher

    def request(self, path: str, method: str = "GET", host: str | None = None) -> Any:
        headers = {"Host": host} if host else {}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}{path}", method=method, headers=headers
        )
        return urllib.request.urlopen(request, timeout=5)  # noqa: S310 - our own http URL, three lines up

    def get(self, path: str) -> str:
        with self.request(path) as answer:
            return str(answer.read().decode())

    def messages(self, to: str = "") -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.get(f"/api/messages{'?to=' if to else ''}{to}"))
        return listed

    def send(self, message: EmailMessage, *recipients: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp) as client:
            client.send_message(message, "bounce@execos.example", recipients)


@pytest.fixture(scope="module")
def catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catcher]:
    running = Catcher.start(tmp_path_factory.mktemp("mail"))
    yield running
    running.process.terminate()
    assert running.process.wait(timeout=5) == 0


def _invoice() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Execos <no-reply@execos.example>"
    message["To"] = "Jürgen <buyer@customer.example>"
    message["Subject"] = "Rechnung für <b>Sie</b>"
    message.set_content("Guten Tag")
    message.add_alternative("<p>Guten <b>Tag</b></p>", subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="RE-1.pdf")
    return message


def test_a_mail_is_shown_with_everything_in_it(catcher: Catcher) -> None:
    catcher.send(_invoice(), "Buyer@customer.example", "copy@customer.example")
    newest = catcher.messages("buyer@CUSTOMER.example")[0]
    assert set(newest) == {"id", "from", "to", "subject", "text", "html", "headers", "attachments", "at"}
    assert newest["from"] == "no-reply@execos.example"
    assert newest["to"] == ["Buyer@customer.example", "copy@customer.example"]
    assert (newest["subject"], newest["text"]) == ("Rechnung für <b>Sie</b>", "Guten Tag\n")
    assert newest["headers"]["From"] == ["Execos <no-reply@execos.example>"]
    [attachment] = newest["attachments"]
    assert (attachment["filename"], attachment["contentType"]) == ("RE-1.pdf", "application/pdf")
    assert base64.b64decode(attachment["content"]) == b"%PDF-1.7"


def test_the_newest_is_first_and_others_mails_are_left_out(catcher: Catcher) -> None:
    for number in range(3):
        message = EmailMessage()
        message["Subject"] = str(number)
        catcher.send(message, "order@customer.example")
    assert [mail["subject"] for mail in catcher.messages("order@customer.example")] == ["2", "1", "0"]
    assert catcher.messages("nobody@customer.example") == []


def test_the_page_escapes_what_came_by_mail(catcher: Catcher) -> None:
    catcher.send(_invoice(), "page@customer.example")
    page = catcher.get("/")
    assert "Rechnung für &lt;b&gt;Sie&lt;/b&gt;" in page
    assert 'sandbox=""' in page
    assert "<b>Sie</b>" not in page


def test_malformed_mail_does_not_hide_the_rest(catcher: Catcher) -> None:
    with smtplib.SMTP("127.0.0.1", catcher.smtp) as client:
        raw = b"From: <>\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe hello\r\n"
        client.sendmail("a@b.example", ["broken@customer.example"], raw)
    assert "hello" in catcher.messages("broken@customer.example")[0]["text"]


@pytest.mark.parametrize(
    ("path", "method", "host", "status"),
    [
        ("/nowhere", "GET", None, 404),
        ("/api/messages", "POST", None, 405),
        ("/api/messages", "GET", "evil.example", 404),
    ],
)
def test_what_is_no_door_of_ours_is_refused(
    catcher: Catcher, path: str, method: str, host: str | None, status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        catcher.request(path, method, host)
    assert refused.value.code == status
    assert "code" in json.load(refused.value)["error"]
    refused.value.close()


def test_an_acknowledged_mail_survives_a_kill_until_it_is_deleted(tmp_path: Path) -> None:
    first = Catcher.start(tmp_path)
    first.send(_invoice(), "kept@customer.example")
    first.process.kill()
    first.process.wait()
    second = Catcher.start(tmp_path)
    assert len(second.messages("kept@customer.example")) == 1
    with second.request("/api/messages", "DELETE") as answer:
        assert answer.status == 204
    assert second.messages() == []
    second.process.terminate()
    second.process.wait(timeout=5)
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_five_hundred_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.mailbox.KEPT_MESSAGES", 3)
    mailbox = Mailbox(tmp_path)
    for number in range(5):
        mailbox.add(Envelope("a@b.example", ["c@d.example"]), f"Subject: {number}\r\n\r\n".encode())
    assert [mail["subject"] for mail in Mailbox(tmp_path).messages()] == ["4", "3", "2"]
