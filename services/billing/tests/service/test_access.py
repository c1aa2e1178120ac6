"""Who may do what, and that nobody reaches another organisation."""

from typing import Any

import pytest

from chassis.ids import new_id

ONE = "01890000-0000-7000-8000-000000000000"
DRAFT = {"companyId": ONE, "amount": "1", "dueDate": "2199-12-31"}
DOORS = [
    ("GET", "", None, "invoices:read"),
    ("GET", "/{id}", None, "invoices:read"),
    ("GET", "/{id}.pdf", None, "invoices:read"),
    ("GET", "/{id}/activity", None, "invoices:read"),
    ("GET", "/{id}/payments", None, "invoices:read"),
    ("POST", "", DRAFT, "invoices:write"),
    ("PATCH", "/{id}", {"notes": "x"}, "invoices:write"),
    ("POST", "/{id}/send", None, "invoices:send"),
    ("POST", "/{id}/mark-paid", None, "invoices:pay"),
    ("POST", "/{id}/payments", {"amount": "1", "method": "cash"}, "invoices:pay"),
    ("POST", "/{id}/unlock", None, "invoices:unlock"),
    ("POST", "/{id}/void", {"reason": "x"}, "invoices:void"),
]
PERMISSIONS = sorted({permission for *_, permission in DOORS})


@pytest.mark.parametrize(("method", "path", "body", "permission"), DOORS)
async def test_door_opens_to_its_permission_alone(
    office: Any, method: str, path: str, body: Any, permission: str
):
    url = "/api/v1/invoices" + path.format(id=new_id())
    others = [each for each in PERMISSIONS if each != permission]
    headers = {"idempotency-key": "k"} if method == "POST" else {}
    async with office.stand.client(*others) as http:
        refused = await http.request(method, url, json=body, headers=headers)
    async with office.stand.client(permission) as http:
        taken = await http.request(method, url, json=body, headers=headers)
    async with office.stand.anonymous() as http:
        unknown = await http.request(method, url, json=body, headers=headers)
    assert (refused.status_code, unknown.status_code) == (403, 401)
    assert taken.status_code == (404 if "{id}" in path else 400 if body else 200)


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"), [door for door in DOORS if "{id}" in door[1]]
)
async def test_invoice_of_another_organisation_is_not_there(
    office: Any, method: str, path: str, body: Any, permission: str
):
    ours = await office.sent()
    url = "/api/v1/invoices" + path.format(id=ours["id"])
    stranger_org = office.identity.add_organisation(new_id()).id
    async with office.stand.client(org_id=stranger_org) as stranger:
        answer = await stranger.request(method, url, json=body, headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert await office.read(ours) == ours


async def test_finance_of_another_organisation_sees_nothing(office: Any):
    await office.sent()
    stranger_org = office.identity.add_organisation(new_id()).id
    async with office.stand.client(org_id=stranger_org) as stranger:
        page = (await stranger.get("/api/v1/invoices")).json()
    assert (page["items"], page["totalCount"]) == ([], 0)


async def test_numbers_of_organisations_do_not_mix(office: Any):
    ours = await office.sent()
    stranger = new_id()
    office.identity.add_organisation(stranger)
    company = office.sales.add_company(stranger)
    async with office.stand.client(org_id=stranger) as http:
        body = {"companyId": str(company.id), "amount": "1", "dueDate": "2199-12-31"}
        draft = (await http.post("/api/v1/invoices", json=body)).json()
        theirs = (await http.post(f"/api/v1/invoices/{draft['id']}/send")).json()
    assert theirs["invoiceNumber"] == ours["invoiceNumber"]


@pytest.mark.parametrize("invoice_id", ["x", "1", "%00", "..", "x.pdf"])
async def test_ids_that_are_none_are_refused(office: Any, invoice_id: str):
    answer = await office.http.get(f"/api/v1/invoices/{invoice_id}")
    assert answer.status_code in {400, 404}
    assert "error" in answer.json()
