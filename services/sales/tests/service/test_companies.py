"""Companies: made, changed, archived; one live company of a name."""

import asyncio

from services.sales.tests.place import NOBODY, Place, code_of, error_of

ADDRESS = {"line1": "Hafenstrasse 5", "postalCode": "20457", "city": "Hamburg", "country": "de"}


async def test_new_company_is_answered_recorded_and_told(place: Place) -> None:
    body = {"name": "  Brandt GmbH ", "industry": "Engineering", "ownerUserId": place.owner}
    answer = await place.post("/companies", body)
    assert answer.status_code == 201, answer.text
    company = answer.json()
    assert answer.headers["location"] == f"/api/v1/companies/{company['id']}"
    assert answer.headers["etag"] == '"1"'
    assert company["name"] == "Brandt GmbH"
    assert company["owner"] == {"id": place.owner, "name": "Olga Owner", "email": "olga@test.example"}
    assert company["createdAt"] == company["updatedAt"] == "2026-03-10T12:00:00Z"
    assert await place.read(f"/companies/{company['id']}") == company
    assert await place.stand.actions(company["id"]) == ["CREATE"]
    assert await place.told(company) == ["company.created"]
    told = (await place.fact("company.created")).company
    assert (told.id, told.version, told.name) == (company["id"], 1, "Brandt GmbH")
    assert told.owner_user_id == place.owner


async def test_buyer_fields_are_kept_checked_and_told(place: Place) -> None:
    company = await place.company()
    fields = {"legalName": "Brandt AG", "address": ADDRESS, "vatId": "DE 136.695.976", "email": "a@B.test"}
    answer = await place.patch(f"/companies/{company['id']}", fields)
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["legalName"], changed["vatId"]) == ("Brandt AG", "DE136695976")
    assert changed["email"] == "a@b.test"
    assert changed["address"] == {"line2": None, "region": None} | ADDRESS | {"country": "DE"}
    told = (await place.fact("company.updated")).company
    assert (told.legal_name, told.vat_id, told.email) == ("Brandt AG", "DE136695976", "a@b.test")
    assert (told.address.line1, told.address.postal_code) == ("Hafenstrasse 5", "20457")
    cleared = (await place.patch(f"/companies/{company['id']}", {"address": None, "vatId": None})).json()
    assert (cleared["address"], cleared["vatId"], cleared["version"]) == (None, None, 3)


async def test_parts_of_an_address_change_and_the_others_stay(place: Place) -> None:
    company = await place.company(address={"line1": "Hafenstrasse 5", "country": "de"})
    whole = {
        "line1": "Hafenstrasse 5",
        "line2": None,
        "postalCode": None,
        "city": None,
        "region": None,
        "country": "DE",
    }
    path = f"/companies/{company['id']}"
    for sent, becomes in (
        ({"city": "Hamburg"}, whole | {"city": "Hamburg"}),
        ({"city": None, "line2": "Hof"}, whole | {"line2": "Hof"}),
        ({}, whole | {"line2": "Hof"}),
        ({"line1": None, "line2": None, "country": None}, None),
        ({}, None),
        ({"city": None}, None),
        ({"city": "Bremen"}, dict.fromkeys(whole) | {"city": "Bremen"}),
        (None, None),
    ):
        changed = (await place.patch(path, {"address": sent})).json()
        assert changed["address"] == becomes, sent
    assert (await place.read(path))["version"] == 6
    entries = (await place.read(f"{path}/activity"))["items"]
    changes = [(each["before"], each["after"]) for each in entries]
    assert ({"address": whole}, {"address": whole | {"city": "Hamburg"}}) in changes
    told = [fact.message.company for fact in await place.stand.facts("sales.company.updated.v1")]
    assert (told[0].address.line1, told[0].address.city) == ("Hafenstrasse 5", "Hamburg")
    assert [each.HasField("address") for each in told] == [True, True, False, True, False]


async def test_new_address_without_any_part_is_none(place: Place) -> None:
    for number, address in enumerate(({}, {"city": None})):
        assert (await place.company(f"Company {number}", address=address))["address"] is None
    described = {"company": {"name": "Havel AG", "address": {"city": "Ulm"}}}
    deal = await place.made(f"/leads/{(await place.lead())['id']}/convert-to-deal", **described)
    address = (await place.read(f"/companies/{deal['companyId']}"))["address"]
    assert (address["city"], address["line1"], len(address)) == ("Ulm", None, 6)


async def test_bad_fields_are_named(place: Place) -> None:
    for field, value in {
        "name": "",
        "industry": "x" * 256,
        "email": "nobody",
        "phone": "none",
        "vatId": "DE136695977",
        "ownerUserId": "me",
        "address": {"country": "XX"},
        "colour": "red",
        "id": NOBODY,
        "version": 7,
    }.items():
        error = error_of(await place.post("/companies", {"name": "Brandt GmbH", field: value}), 400)
        assert error["code"] == "VALIDATION_ERROR"
        assert error["details"][0]["field"].startswith(field), field
    assert code_of(await place.post("/companies", {"name": None}), 400) == "VALIDATION_ERROR"
    assert await place.names("/companies") == []


async def test_name_is_unique_among_live_companies_ignoring_case(place: Place) -> None:
    company = await place.company("Ärger GmbH")
    other = await place.company("Havel AG")
    assert code_of(await place.post("/companies", {"name": "ÄRGER gmbh"}), 409) == "COMPANY_EXISTS"
    assert (
        code_of(await place.patch(f"/companies/{other['id']}", {"name": "ärger GmbH"}), 409)
        == "COMPANY_EXISTS"
    )
    assert (await place.post(f"/companies/{company['id']}/archive")).status_code == 200
    await place.company("Ärger GmbH")
    assert code_of(await place.post(f"/companies/{company['id']}/restore"), 409) == "COMPANY_EXISTS"
    assert await place.told(company) == ["company.created", "company.archived"]


async def test_two_companies_of_one_name_made_at_once_are_one(place: Place) -> None:
    answers = await asyncio.gather(*(place.post("/companies", {"name": "Havel AG"}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert await place.names("/companies") == ["Havel AG"]
    assert len(await place.stand.facts("sales.company.created.v1")) == 1


async def test_change_that_changes_nothing_tells_nothing(place: Place) -> None:
    company = await place.company(industry="Energy", address=ADDRESS)
    fields = {"name": "Brandt GmbH", "industry": "Energy", "address": ADDRESS}
    answer = await place.patch(f"/companies/{company['id']}", fields)
    assert answer.json() == company
    assert (await place.patch(f"/companies/{company['id']}", {})).json() == company
    assert await place.told(company) == ["company.created"]
    assert await place.stand.actions(company["id"]) == ["CREATE"]


async def test_stale_version_is_refused_and_nothing_written(place: Place) -> None:
    company = await place.company()
    path = f"/companies/{company['id']}"
    assert (await place.patch(path, {"industry": "Energy"}, if_match='"1"')).status_code == 200
    assert code_of(await place.patch(path, {"industry": "Rail"}, if_match='"1"'), 412) == "STALE_VERSION"
    for action in ("archive", "restore"):
        assert code_of(await place.post(f"{path}/{action}", if_match='"1"'), 412) == "STALE_VERSION"
    assert (await place.read(path))["industry"] == "Energy"
    assert (await place.post(f"{path}/archive", if_match='"2"')).status_code == 200


async def test_archived_company_is_put_away_once_and_comes_back(place: Place) -> None:
    company = await place.company()
    path = f"/companies/{company['id']}"
    first, second = await place.post(f"{path}/archive"), await place.post(f"{path}/archive")
    assert first.json() == second.json()
    assert (first.json()["archivedAt"], first.json()["version"]) == ("2026-03-10T12:00:00Z", 2)
    assert (await place.read(path))["archivedAt"] is not None
    first, second = await place.post(f"{path}/restore"), await place.post(f"{path}/restore")
    assert first.json() == second.json()
    assert (first.json()["archivedAt"], first.json()["version"]) == (None, 3)
    assert await place.told(company) == ["company.created", "company.archived", "company.restored"]
    assert await place.stand.actions(company["id"]) == ["CREATE", "ARCHIVE", "RESTORE"]


async def test_owner_must_be_an_active_member(place: Place) -> None:
    gone = place.identity.add_member(place.org_id, status="suspended")
    elsewhere = place.identity.add_member(place.stand.user_id)
    company = await place.company()
    for user_id in (NOBODY, str(gone.id), str(elsewhere.id)):
        answer = await place.post("/companies", {"name": "Havel AG", "ownerUserId": user_id})
        assert code_of(answer, 400) == "BAD_REQUEST"
        answer = await place.patch(f"/companies/{company['id']}", {"ownerUserId": user_id})
        assert code_of(answer, 400) == "BAD_REQUEST"
    assert await place.names("/companies") == ["Brandt GmbH"]


async def test_owner_who_left_stays_until_replaced(place: Place) -> None:
    company = await place.company(ownerUserId=place.owner)
    member = place.identity.known_members.pop((place.org_id, place.member.id))
    assert member.name == "Olga Owner"
    answer = await place.patch(
        f"/companies/{company['id']}", {"ownerUserId": place.owner, "industry": "Rail"}
    )
    assert answer.status_code == 200, answer.text
    assert (await place.patch(f"/companies/{company['id']}", {"ownerUserId": None})).json()["owner"] is None


async def test_unknown_owner_while_identity_is_away_writes_nothing(place: Place) -> None:
    assert await place.names("/companies") == []  # the organisation itself is known from now on
    place.identity.is_away = True
    answer = await place.post("/companies", {"name": "Havel AG", "ownerUserId": place.owner})
    assert code_of(answer, 503) == "DEPENDENCY_UNAVAILABLE"
    assert answer.headers["retry-after"]
    assert await place.names("/companies") == []
    assert (await place.post("/companies", {"name": "Havel AG"})).status_code == 201


async def test_idempotency_key_repeats_the_answer(place: Place) -> None:
    body = {"name": "Havel AG"}
    first = await place.post("/companies", body, idempotency_key="k1")
    again = await place.post("/companies", body, idempotency_key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    other = await place.post("/companies", {"name": "Other"}, idempotency_key="k1")
    assert code_of(other, 422) == "IDEMPOTENCY_KEY_REUSED"
    assert len(await place.stand.facts("sales.company.created.v1")) == 1


async def test_activity_shows_who_changed_what(place: Place) -> None:
    company = await place.company(industry="Energy")
    place.stand.clock.advance(minutes=1)
    await place.patch(f"/companies/{company['id']}", {"industry": "Rail"})
    answer = await place.get(f"/companies/{company['id']}/activity")
    page = answer.json()
    assert answer.status_code == 200, answer.text
    assert [entry["action"] for entry in page["items"]] == ["UPDATE", "CREATE"]
    newest = page["items"][0]
    assert (newest["before"], newest["after"]) == ({"industry": "Energy"}, {"industry": "Rail"})
    assert newest["actorUser"] == newest["actor"]
    assert newest["actor"]["name"] == "Test Person"
    assert newest["createdAt"] == newest["at"]
    assert page["total"] == page["totalCount"] == 2
    first_to_last = await place.get(f"/companies/{company['id']}/activity", sortDir="asc")
    assert [entry["action"] for entry in first_to_last.json()["items"]] == ["CREATE", "UPDATE"]
    assert code_of(await place.get(f"/companies/{NOBODY}/activity"), 404) == "NOT_FOUND"
