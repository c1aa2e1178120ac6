"""What the environment must say, and that everything wrong is named at once."""

import pytest

from chassis.settings import SettingsRefused, load
from notifications.settings import NotificationsSettings

GOOD = {
    "NOTIFICATIONS_DATABASE_URL": "postgresql://a:b@127.0.0.1:1/n",
    "NOTIFICATIONS_SYSTEM_DATABASE_URL": "postgresql://a:b@127.0.0.1:1/n",
    "NOTIFICATIONS_NATS_URL": "nats://127.0.0.1:1",
    "NOTIFICATIONS_HTTP_ADDRESS": "127.0.0.1:1",
    "NOTIFICATIONS_GRPC_ADDRESS": "127.0.0.1:2",
    "NOTIFICATIONS_METRICS_ADDRESS": "127.0.0.1:3",
    "NOTIFICATIONS_JWKS_URL": "http://127.0.0.1:1/.well-known/jwks.json",
    "NOTIFICATIONS_TOKEN_ISSUER": "https://execos.test",
    "NOTIFICATIONS_SERVICE_SECRET": "s" * 32,
    "NOTIFICATIONS_PUBLIC_BASE_URL": "https://execos.test",
    "NOTIFICATIONS_IDENTITY_GRPC": "127.0.0.1:4",
    "NOTIFICATIONS_BILLING_GRPC": "127.0.0.1:5",
    "NOTIFICATIONS_SMTP_URL": "smtp://user:p%40ss@mail.test:587",
    "NOTIFICATIONS_MAIL_FROM": "no-reply@execos.test",
}


def settings(**changed: str) -> NotificationsSettings:
    return load(NotificationsSettings, "NOTIFICATIONS_", GOOD | changed)


def test_good_environment_is_taken_and_hides_the_password() -> None:
    known = settings()
    assert known.mail_domain == "execos.test"
    assert known.mail_reply_to is settings(NOTIFICATIONS_MAIL_REPLY_TO="").mail_reply_to is None
    assert "p%40ss" not in repr(known)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.test",
        "http://mail.test",
        "smtp://",
        "smtp://mail.test:x",
        "smtp://mail.test/x",
        "smtp://mail.test?x=1",
    ],
)
def test_mail_server_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsRefused, match="NOTIFICATIONS_SMTP_URL: "):
        settings(NOTIFICATIONS_SMTP_URL=url)


def test_everything_wrong_is_named_at_once() -> None:
    wrong = {
        "NOTIFICATIONS_MAIL_FROM": "nobody",
        "NOTIFICATIONS_MAIL_REPLY_TO": "help@execos.test\r\nBcc: victim@test.example",
        "NOTIFICATIONS_BILLING_GRPC": "x",
        "NOTIFICATIONS_NONSENSE": "1",
    }
    with pytest.raises(SettingsRefused) as refused:
        settings(**wrong)
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == sorted(wrong)
