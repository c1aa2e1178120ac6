"""What notifications reads from its environment."""

from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from chassis.settings import HostPort, ServiceSettings
from notifications.domain.addresses import parse_address


class NotificationsSettings(ServiceSettings):
    """The shared settings, the peers that notifications asks, and the mail server."""

    identity_grpc: HostPort
    billing_grpc: HostPort
    smtp_url: SecretStr
    mail_from: str
    mail_reply_to: str | None = None

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr) -> SecretStr:
        url = urlsplit(value.get_secret_value())
        if url.scheme not in {"smtp", "smtps"} or not url.hostname or url.path.strip("/") or url.query:
            raise ValueError("must be smtp://[user:password@]host[:port], or smtps:// for TLS from the start")
        _ = url.port  # ValueError when it is no port
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_mail_address(cls, value: str) -> str:
        parse_address(value)
        return value

    @field_validator("mail_reply_to")
    @classmethod
    def _is_answered(cls, value: str | None) -> str | None:
        return cls._is_mail_address(value) if value else None

    @property
    def mail_domain(self) -> str:
        """The domain that mails come from."""
        return self.mail_from.rpartition("@")[2]
