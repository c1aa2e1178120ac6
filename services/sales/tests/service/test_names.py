"""Names as clients write them: kept on one line and composed, so that one that looks taken is taken."""

import pytest
from services.sales.tests.place import Json, Place, code_of, error_of

AE, DECOMPOSED = "\u00e4", "a\u0308"
ALIKE = {
    "decomposed": f"B{DECOMPOSED}cker GmbH",
    "other case": f"B{AE}CKER GMBH",
    "no-break space": f"B{AE}cker\u00a0GmbH",
    "two spaces": f"B{AE}cker  GmbH",
    "a line break": f"B{AE}cker\r\nGmbH",
    "zero width at the end": f"B{AE}cker GmbH\u200b",
    "all at once": f"\ufeff b{DECOMPOSED}cker\u2003 gmbh\u2060 ",
}
NAMED = {"/companies": "name", "/contacts": "name", "/leads": "title", "/deals": "title"}


async def rest(place: Place, path: str) -> Json:
    """What a new row of this kind has besides its name."""
    if path not in {"/contacts", "/deals"}:
        return {}
    return {"companyId": (await place.company())["id"]} | (
        {"ownerUserId": place.owner} if path == "/deals" else {}
    )


@pytest.mark.parametrize("name", ALIKE.values(), ids=ALIKE)
async def test_a_company_that_looks_like_another_is_taken(place: Place, name: str) -> None:
    await place.company(name=f"B{AE}cker GmbH")
    other = await place.company(name="Other")
    assert code_of(await place.post("/companies", {"name": name}), 409) == "COMPANY_EXISTS"
    assert code_of(await place.patch(f"/companies/{other['id']}", {"name": name}), 409) == "COMPANY_EXISTS"
    body = {"operations": [{"op": "create", "data": {"name": name}}]}
    [result] = (await place.post("/companies/batch", body)).json()["results"]
    assert (result["status"], result["error"]["code"]) == (409, "COMPANY_EXISTS")
    assert sorted(await place.names("/companies")) == [f"B{AE}cker GmbH", "Other"]


@pytest.mark.parametrize("path", NAMED)
async def test_a_name_is_kept_composed_on_one_line(place: Place, path: str) -> None:
    fields = await rest(place, path)
    written = {NAMED[path]: f" \u200bB{DECOMPOSED}r\u00a0\n \U0001f468\u200d\U0001f469 \ufeff"}
    row = await place.made(path, **fields, **written)
    assert row[NAMED[path]] == f"B{AE}r \U0001f468\u200d\U0001f469"
    again = await place.patch(f"{path}/{row['id']}", written, if_match='"1"')
    assert (again.status_code, again.json()["version"]) == (200, 1)


@pytest.mark.parametrize("path", NAMED)
@pytest.mark.parametrize("name", ["\u200b", "\u200e \u00a0", "\x01a", "\x7f", "a\x85\x9f"])
async def test_a_name_that_nobody_sees_or_with_control_characters_is_refused(
    place: Place, path: str, name: str
) -> None:
    body = await rest(place, path) | {NAMED[path]: name}
    error = error_of(await place.post(path, body), 400)
    assert (error["code"], [each["field"] for each in error["details"]]) == (
        "VALIDATION_ERROR",
        [NAMED[path]],
    )


async def test_a_note_keeps_its_lines(place: Place) -> None:
    path = f"/companies/{(await place.company())['id']}/notes"
    note = await place.made(path, body=f"B{DECOMPOSED}r:\r\n\tcalled  twice\u00a0")
    assert note["body"] == f"B{AE}r:\r\n\tcalled  twice"
    for body in ("a\x0bb", "\x1b[31m", "\u200b"):
        assert code_of(await place.post(path, {"body": body}), 400) == "VALIDATION_ERROR"


async def test_what_is_looked_for_is_composed_too(place: Place) -> None:
    await place.company(name=f"B{DECOMPOSED}cker")
    for sent in (AE, DECOMPOSED):
        found = (await place.get("/companies", q=f"B{sent}cker")).json()
        assert [each["name"] for each in found["items"]] == [f"B{AE}cker"]


async def test_an_operation_of_a_batch_lists_versions_as_the_header_does(place: Place) -> None:
    change = {"op": "update", "id": (await place.company())["id"], "data": {"industry": "Rail"}}
    for sent, status in (('"7", "8"', 412), ('"7", "1"', 200), ('"1"', 412), ("2", 200), ('"2", x', 400)):
        body = {"operations": [change | {"ifMatch": sent, "data": {"industry": sent}}]}
        answer = await place.post("/companies/batch", body)
        got = answer.json()["results"][0]["status"] if answer.status_code == 200 else answer.status_code
        assert got == status, sent
