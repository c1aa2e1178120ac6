"""The mail server: hands a message over, or says why not and whether trying again can help."""

import re
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

from notifications.domain.deliveries import Failure

TIMEOUT_SECONDS = 30
PORTS = {"smtp": 25, "smtps": 465}
PERMANENT = range(500, 600)
LINK = re.compile(r"\bhttps?:\S+", re.IGNORECASE)
ADDRESS = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),:;]+")


class Mailer:
    """One mail server by its URL; `smtp` uses STARTTLS where the server offers it, `smtps` is TLS from the start."""

    def __init__(self, url: SecretStr, *, sender: str) -> None:
        self._server = urlsplit(url.get_secret_value())
        self._sender = sender

    async def send(self, message: EmailMessage) -> None:
        """Hand a message over to whom it is addressed; OSError or SMTPException when it was not taken."""
        server = self._server
        await aiosmtplib.send(
            message,
            sender=self._sender,
            hostname=server.hostname,
            port=server.port or PORTS[server.scheme],
            username=unquote(server.username) if server.username else None,
            password=unquote(server.password) if server.password else None,
            use_tls=server.scheme == "smtps",
            local_hostname=self._sender.rpartition("@")[2],
            timeout=TIMEOUT_SECONDS,
        )


def failure_of(error: Exception) -> Failure:
    """What a failed try means: only what the server says of this mail is final, trouble with the server is not."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0]
        return Failure(_told(refused), is_permanent=refused.code in PERMANENT)
    if isinstance(error, aiosmtplib.SMTPDataError):
        return Failure(_told(error), is_permanent=error.code in PERMANENT)
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return Failure("the mail server cannot write to this address", is_permanent=True)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Failure(_told(error))
    return Failure(f"the mail server does not answer ({type(error).__name__})")


def _told(error: aiosmtplib.SMTPResponseException) -> str:
    """The server's answer on one line without addresses and links: it goes into rows, logs and facts.

    A server that refuses a mail for what is in it may quote a one-time link.
    """
    words = ADDRESS.sub("[address]", LINK.sub("[link]", " ".join(str(error.message).split())))
    return f"{error.code} {words}"
