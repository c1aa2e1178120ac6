"""Addresses in headers, and what a mail server's answers mean."""

import aiosmtplib
import pytest

from notifications.domain.addresses import parse_address
from notifications.smtp import failure_of

REFUSED = [
    "",
    "@",
    "nobody",
    "nobody@",
    "@nowhere.test",
    "two@a.test, others@b.test",
    "A Name <a@b.test>",
    "<a@b.test>",
    "a b@c.test",
    "a@b.test\n",
    "a@b.test\r\nBcc: victim@c.test",
    "a@b.test\x00",
    "a@ex..com",
    "ü@b.test",
]


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_no_single_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        parse_address(address)


def test_name_cannot_hold_a_line_end() -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        parse_address("a@b.test", name="x\r\nBcc: victim@c.test")


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("a.b+c@d.test", "a.b+c@d.test"),
        ('"odd name"@d.test', '"odd name"@d.test'),
        ("a@größe.test", "a@xn--gre-6ka8i.test"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
    ],
)
def test_addresses_are_written_in_ascii(address: str, written: str) -> None:
    assert parse_address(address).addr_spec == written


def recipient_refused(code: int) -> aiosmtplib.SMTPRecipientsRefused:
    return aiosmtplib.SMTPRecipientsRefused(
        [aiosmtplib.SMTPRecipientRefused(code, "no <a@b.test> here", "a@b.test")]
    )


@pytest.mark.parametrize(
    ("error", "reason", "is_permanent"),
    [
        (recipient_refused(550), "550 no <[address]> here", True),
        (recipient_refused(450), "450 no <[address]> here", False),
        (aiosmtplib.SMTPDataError(554, "5.7.1 spam\nreally"), "554 5.7.1 spam really", True),
        (
            aiosmtplib.SMTPDataError(554, "spam: HTTPS://execos.test/reset/c2VjcmV0 in it"),
            "554 spam: [link] in it",
            True,
        ),
        (aiosmtplib.SMTPDataError(451, "later"), "451 later", False),
        (aiosmtplib.SMTPNotSupported("SMTPUTF8"), "the mail server cannot write to this address", True),
        # What concerns the server's own configuration is mended by the operator, and the mail must still go then.
        (aiosmtplib.SMTPAuthenticationError(535, "bad login"), "535 bad login", False),
        (aiosmtplib.SMTPSenderRefused(553, "who are you", "us@execos.test"), "553 who are you", False),
        (aiosmtplib.SMTPConnectError("refused"), "the mail server does not answer (SMTPConnectError)", False),
        (
            aiosmtplib.SMTPReadTimeoutError("slow"),
            "the mail server does not answer (SMTPReadTimeoutError)",
            False,
        ),
        (OSError("gone"), "the mail server does not answer (OSError)", False),
    ],
)
def test_only_what_is_said_of_the_mail_is_final(error: Exception, reason: str, *, is_permanent: bool) -> None:
    assert failure_of(error) == (reason, is_permanent)
