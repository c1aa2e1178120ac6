"""The one mail: the invoice to its buyer, with its document, once, again when it fails, given up in the end."""

import asyncio

import pytest
from services.notifications.tests.place import LEGAL, Place, part

from chassis.ids import new_id
from execos.billing.v1.events_pb2 import InvoiceSent
from execos.platform.v1.values_pb2 import Money


async def test_buyer_gets_the_invoice_with_its_document(place: Place) -> None:
    invoice_id, event_id = await place.invoice_sent()
    assert place.mails.taken == []
    assert await place.work() == 1
    [mail] = place.mails.taken
    assert place.mails.recipients == ["buyer@hafen.test"]
    assert mail["From"] == "Acme Works GmbH <no-reply@execos.test>"
    assert mail["To"] == "buyer@hafen.test"
    assert mail["Reply-To"] == "Acme Works GmbH <office@acme.test>"
    assert mail["Subject"] == "Invoice INV-2026-00001 from Acme Works GmbH"
    assert mail["Message-ID"].startswith(f"<{event_id}.")
    assert mail["Message-ID"].endswith("@execos.test>")
    assert (mail["Content-Language"], mail["Auto-Submitted"]) == ("en", "auto-generated")
    text = part(mail, "plain")
    for words in ("INV-2026-00001", "€1,190.00", "Mar 24, 2026", "Acme Works GmbH", LEGAL["iban"]):
        assert words in text
        assert words in part(mail, "html")
    assert "https://execos.test" in text
    assert 'href="https://execos.test"' in part(mail, "html")
    [attachment] = mail.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content_type()) == (
        "INV-2026-00001.pdf",
        "application/pdf",
    )
    assert (
        attachment.get_content() == (await place.billing.invoice_pdf(place.stand.org_id, invoice_id)).content
    )


async def test_mail_that_was_taken_is_told(place: Place) -> None:
    invoice_id, event_id = await place.invoice_sent()
    await place.work()
    assert await place.states() == [("delivered", 1)]
    [fact] = await place.mail_facts()
    email = fact.message.email
    assert (fact.type, fact.version, email.attempts) == ("notifications.email.sent.v1", 2, 1)
    assert (email.type, email.entity_type, email.entity_id) == ("invoice.sent", "INVOICE", str(invoice_id))
    assert email.message_id == place.mails.taken[0]["Message-ID"]
    assert "buyer@hafen.test" not in str(fact.message)
    assert str(event_id) in email.message_id


@pytest.mark.parametrize(
    ("locale", "subject", "amount"),
    [
        ("de-DE", "Rechnung INV-2026-00001 von Acme Works GmbH", "1.190,00 €"),
        ("fr-FR", "Facture INV-2026-00001 de Acme Works GmbH", "1 190,00 €"),
        ("ja", "Invoice INV-2026-00001 from Acme Works GmbH", "€1,190.00"),
    ],
)
async def test_mail_is_in_the_sellers_language(place: Place, locale: str, subject: str, amount: str) -> None:
    await place.organisation(locale, legal=LEGAL)
    await place.invoice_sent()
    await place.work()
    [mail] = place.mails.taken
    assert mail["Subject"] == subject
    assert amount in part(mail, "plain")
    assert f'lang="{mail["Content-Language"]}"' in part(mail, "html")


async def test_amount_has_the_digits_of_its_currency(place: Place) -> None:
    await place.invoice_sent(gross=Money(minor=5000, currency="JPY"))
    await place.work()
    assert "¥5,000" in part(place.mails.taken[0], "plain")


async def test_names_cannot_smuggle_in_headers_or_markup(place: Place) -> None:
    name = 'Evil "Co"\r\nBcc: victim@hafen.test\n<script>alert(1)</script>'
    await place.organisation(legal={"legal_name": name})
    await place.invoice_sent(invoice_number="1\r\nBcc: victim@hafen.test")
    await place.work()
    [mail] = place.mails.taken
    assert mail["Bcc"] is None
    assert place.mails.recipients == ["buyer@hafen.test"]
    assert "<script>" not in part(mail, "html")
    assert "Reply-To" not in mail


async def test_organisation_without_legal_data_writes_under_its_name(place: Place) -> None:
    await place.organisation(legal=None)
    await place.invoice_sent()
    await place.work()
    assert place.mails.taken[0]["From"] == "Acme Works <no-reply@execos.test>"


async def test_address_with_umlauts_is_written_to_in_ascii(place: Place) -> None:
    await place.invoice_sent(buyer_email="einkauf@größe.test")
    await place.work()
    assert place.mails.recipients == ["einkauf@xn--gre-6ka8i.test"]


@pytest.mark.parametrize("address", ["nobody", "a@b.test\r\nRCPT TO:<c@d.test>", "a@b.test, c@d.test", "@"])
async def test_address_that_is_none_is_given_up_at_once(place: Place, address: str) -> None:
    await place.invoice_sent(buyer_email=address)
    await place.work()
    assert place.mails.taken == []
    assert await place.states() == [("dead", 1)]
    [fact] = await place.mail_facts()
    assert (fact.type, fact.message.error) == (
        "notifications.email.failed.v1",
        "the recipient's e-mail address is none",
    )


async def test_one_fact_makes_one_mail(place: Place) -> None:
    invoice, event_id = place.invoice(), new_id()
    fact = InvoiceSent(invoice=invoice, buyer_email="buyer@hafen.test")
    await asyncio.gather(
        *(place.tell(fact, invoice.id, event_id=event_id, version=1) for _ in range(3)),
    )
    await place.forget_facts()
    await place.tell(fact, invoice.id, event_id=event_id, version=1)
    while await place.work():
        pass
    assert len(place.mails.taken) == 1


async def test_organisation_that_is_not_known_here_is_asked_for(place: Place) -> None:
    stranger = Place(place.stand, place.identity, place.billing, place.mails)
    stranger.stand.org_id = new_id()
    await stranger.invoice_sent()
    await stranger.work()
    assert await stranger.states() == [("dead", 1)]  # nobody knows it, identity included
    stranger.stand.org_id = new_id()
    place.identity.add_organisation(stranger.stand.org_id, name="New Works")
    await stranger.invoice_sent()
    await stranger.work()
    assert place.mails.taken[-1]["From"] == "New Works <no-reply@execos.test>"
