"""The PDF: of sent invoices only, the same bytes every time, in the organisation's language."""

from typing import Any

import pytest

from billing.documents.contents import contents
from billing.documents.render import render
from billing.store import documents
from chassis.auth import system_actor

LINES = [
    {
        "description": "Beratung",
        "quantity": "1.5",
        "unit": "h",
        "unitPrice": "1234.56",
        "taxBasisPoints": 1900,
    },
    {
        "description": '#eval("1") \\ $x$ <b> [x](y) @a',
        "unitPrice": "10.00",
        "discountPercent": "10",
        "taxBasisPoints": 700,
    },
]


async def document(office: Any, invoice: dict[str, Any]) -> Any:
    async with office.stand.runtime.source.reading(system_actor(office.org_id)) as reading:
        return await documents.get(reading, office.org_id, invoice["id"])


async def test_document_is_the_same_every_time(office: Any):
    sent = await office.sent(lines=LINES)
    path = f"/api/v1/invoices/{sent['id']}.pdf"
    first = await office.http.get(path)
    assert (first.status_code, first.headers["content-type"]) == (200, "application/pdf")
    assert first.headers["content-disposition"] == f'inline; filename="{sent["invoiceNumber"]}.pdf"'
    assert first.content.startswith(b"%PDF-")
    office.stand.clock.advance(days=3)
    await office.change(sent, notes="internal")
    await office.act(sent, "mark-paid")
    again = await office.http.get(path)
    assert again.content == first.content


async def test_draft_has_no_document(office: Any):
    for invoice in (draft := await office.draft(), draft):
        answer = await office.http.get(f"/api/v1/invoices/{invoice['id']}.pdf")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "INVOICE_NOT_SENT")


async def test_texts_are_written_in_german(office: Any):
    shown = contents(await document(office, await office.sent(lines=LINES, issueDate="2026-03-01")))
    assert shown["labels"]["title"] == "Rechnung"
    assert shown["dates"]["issued"] == "1. März 2026"
    assert shown["lines"][0]["quantity"] == "1,5 h"
    assert shown["lines"][0]["net"] == "1.851,84"
    assert shown["sums"] == [
        ["Nettobetrag", "1.860,84"],
        ["USt. 7 % auf 9,00", "0,63"],
        ["USt. 19 % auf 1.851,84", "351,85"],
    ]
    assert shown["gross"] == "2.213,32 EUR"
    assert (shown["seller"]["name"], shown["buyer"]["lines"]) == (
        "Test Works GmbH",
        ["Weg 2", "10115 Berlin", "DE"],
    )
    assert shown["facts"][0] == "USt-IdNr. DE123456789"
    assert shown["note"] == "Thank you."


@pytest.mark.parametrize(
    ("locale", "title"),
    [
        ("en", "Invoice"),
        ("en-GB", "Invoice"),
        ("fr-FR", "Facture"),
        ("de_CH", "Rechnung"),
        ("ja", "Invoice"),
        ("?", "Invoice"),
    ],
)
async def test_every_language_makes_a_document(office: Any, locale: str, title: str):
    office.identity.add_organisation(office.org_id, locale=locale)
    made = await document(office, await office.sent(lines=LINES))
    assert contents(made)["labels"]["title"] == title
    assert (await render(made)).startswith(b"%PDF-")


async def test_text_without_a_font_still_makes_a_document(office: Any):
    await office.draft()
    legal = {"legal_name": "請求書 \x07 \U0001f600", "invoice_note": "שלום"}
    office.identity.add_organisation(office.org_id, legal=legal)
    await office.policies()
    made = await document(office, await office.sent(lines=[LINES[0] | {"description": "\ufffe \ue000 相談"}]))
    assert await render(made) == await render(made)


async def test_void_invoice_says_so(office: Any):
    sent = await office.sent()
    before = await render(await document(office, sent))
    await office.act(sent, "void", {"reason": "mistake"})
    after = await document(office, sent)
    assert (after.is_void, await render(after) == before) == (True, False)


async def test_seller_without_legal_data_has_a_document(office: Any):
    office.identity.add_organisation(office.org_id, legal=None)
    bare = office.sales.add_company(office.org_id)
    assert (await render(await document(office, await office.sent(companyId=str(bare.id))))).startswith(
        b"%PDF-"
    )
