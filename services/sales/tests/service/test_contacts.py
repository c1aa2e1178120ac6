"""Contacts: their channels, their company, and that they can be put away."""

from typing import Any

from services.sales.tests.place import NOBODY, Place, code_of, error_of


async def test_new_contact_is_answered_recorded_and_told(place: Place) -> None:
    company = await place.company()
    answer = await place.post(
        "/contacts",
        {
            "name": "Jutta",
            "companyId": company["id"],
            "email": "Jutta@Brandt.test",
            "phone": "+49 711 1",
            "title": "CEO",
        },
    )
    assert answer.status_code == 201, answer.text
    contact = answer.json()
    assert answer.headers["location"] == f"/api/v1/contacts/{contact['id']}"
    assert contact["company"] == {"id": company["id"], "name": "Brandt GmbH"}
    assert (contact["email"], contact["phone"]) == ("Jutta@brandt.test", "+49 711 1")
    assert contact["channels"] == [
        {"kind": "phone", "value": "+49 711 1", "isPrimary": True},
        {"kind": "email", "value": "Jutta@brandt.test", "isPrimary": True},
    ]
    assert await place.read(f"/contacts/{contact['id']}") == contact
    assert await place.told(contact) == ["contact.created"]
    told = (await place.fact("contact.created")).contact
    assert (told.name, told.company_id) == ("Jutta", company["id"])
    assert "brandt.test" not in str(told)


async def test_channels_have_one_primary_of_each_kind(place: Place) -> None:
    channels = [
        {"kind": "email", "value": "a@x.test"},
        {"kind": "email", "value": "b@x.test", "isPrimary": True},
        {"kind": "phone", "value": "0711 1"},
    ]
    contact = await place.contact(channels=channels)
    assert (contact["email"], contact["phone"]) == ("b@x.test", "0711 1")
    assert [each["isPrimary"] for each in contact["channels"]] == [False, True, True]
    path = f"/contacts/{contact['id']}"
    moved = (await place.patch(path, {"email": "A@x.test"})).json()
    assert moved["email"] == "A@x.test"
    assert {each["value"] for each in moved["channels"]} == {"A@x.test", "b@x.test", "0711 1"}
    replaced = (await place.patch(path, {"email": "c@x.test"})).json()
    assert {each["value"] for each in replaced["channels"]} == {"c@x.test", "b@x.test", "0711 1"}
    cleared = (await place.patch(path, {"email": None, "phone": None})).json()
    assert (cleared["email"], cleared["phone"]) == ("b@x.test", None)
    assert cleared["channels"] == [{"kind": "email", "value": "b@x.test", "isPrimary": True}]
    assert (await place.patch(path, {"channels": []})).json()["email"] is None


async def test_shortcut_beside_a_list_is_primary_and_the_list_stays(place: Place) -> None:
    listed = [
        {"kind": "email", "value": "y@y.example", "isPrimary": True},
        {"kind": "phone", "value": "0711 1"},
    ]
    named: dict[str, Any] = {"channels": listed, "email": "z@z.example", "phone": "0711 2"}
    wanted = {
        ("email", "z@z.example", True),
        ("email", "y@y.example", False),
        ("phone", "0711 2", True),
        ("phone", "0711 1", False),
    }
    made = await place.contact(**named)
    other = await place.contact(email="old@x.test")
    patched = (await place.patch(f"/contacts/{other['id']}", named)).json()
    for contact in (made, patched):
        assert {(each["kind"], each["value"], each["isPrimary"]) for each in contact["channels"]} == wanted
        assert (contact["email"], contact["phone"]) == ("z@z.example", "0711 2")
    alone = (await place.patch(f"/contacts/{made['id']}", {"email": "new@x.test"})).json()
    assert {each["value"] for each in alone["channels"]} == {"new@x.test", "y@y.example", "0711 1", "0711 2"}


async def test_shortcut_that_is_listed_makes_that_one_primary(place: Place) -> None:
    listed = [{"kind": "email", "value": f"{each}@x.test", "isPrimary": each == "a"} for each in "abc"]
    contact = await place.contact(channels=listed, email="b@x.test")
    assert [(each["value"], each["isPrimary"]) for each in contact["channels"]] == [
        ("a@x.test", False),
        ("b@x.test", True),
        ("c@x.test", False),
    ]
    as_read = {name: contact[name] for name in ("channels", "email", "phone")}
    assert (await place.patch(f"/contacts/{contact['id']}", as_read)).json() == contact
    assert (await place.patch(f"/contacts/{contact['id']}", {"email": "b@x.test"})).json() == contact
    empty = await place.contact(channels=listed, email=None)
    assert (empty["email"], len(empty["channels"])) == ("a@x.test", 3)


async def test_no_contact_has_more_channels_than_a_list_may_name(place: Place) -> None:
    listed = [{"kind": "email", "value": f"{each}@x.test"} for each in range(20)]
    full = await place.contact(channels=listed)
    path = f"/contacts/{full['id']}"
    for answer in (
        await place.post("/contacts", {"name": "Jutta", "channels": listed, "email": "z@x.test"}),
        await place.patch(path, {"channels": listed, "email": "z@x.test"}),
        await place.patch(path, {"phone": "0711 1"}),
    ):
        details = [{"field": "channels", "issues": ["must be at most 20, the shortcuts among them"]}]
        assert error_of(answer, 400)["details"] == details
    assert await place.read(path) == full
    assert (await place.patch(path, {"channels": listed, "email": "7@x.test"})).json()["email"] == "7@x.test"
    assert len((await place.patch(path, {"email": "z@x.test"})).json()["channels"]) == 20


async def test_bad_channels_are_named(place: Place) -> None:
    two = [{"kind": "email", "value": f"{each}@x.test", "isPrimary": True} for each in "ab"]
    same = [{"kind": "phone", "value": value} for value in ("0711-1", "0711 1")]
    fax, wrong = [{"kind": "fax", "value": "1"}], [{"kind": "email", "value": "no"}]
    bodies: list[Any] = [two, same, fax, wrong, None, [{}] * 21]
    for bad in bodies:
        error = error_of(await place.post("/contacts", {"name": "Jutta", "channels": bad}), 400)
        assert error["code"] == "VALIDATION_ERROR"
        assert error["details"][0]["field"].startswith("channels"), bad
    assert error_of(await place.post("/contacts", {"name": "Jutta", "channels": wrong}), 400)["details"] == [
        {"field": "channels.0.value", "issues": ["must be an e-mail address"]}
    ]
    assert await place.names("/contacts") == []


async def test_contact_may_change_or_leave_its_company(place: Place) -> None:
    brandt, havel = await place.company("Brandt GmbH"), await place.company("Havel AG")
    contact = await place.contact(companyId=brandt["id"])
    path = f"/contacts/{contact['id']}"
    assert (await place.patch(path, {"companyId": havel["id"]})).json()["company"]["name"] == "Havel AG"
    assert (await place.patch(path, {"companyId": None})).json()["company"] is None
    assert await place.told(contact) == ["contact.created", "contact.updated", "contact.updated"]
    assert await place.names(f"/companies/{brandt['id']}/contacts") == []


async def test_new_contact_of_an_unknown_or_archived_company_is_refused(place: Place) -> None:
    archived = await place.company()
    await place.post(f"/companies/{archived['id']}/archive")
    for company_id in (NOBODY, archived["id"]):
        answer = await place.post("/contacts", {"name": "Jutta", "companyId": company_id})
        assert code_of(answer, 400) == "BAD_REQUEST"


async def test_contacts_of_an_archived_company_stay_readable_and_changeable(place: Place) -> None:
    company = await place.company()
    contact = await place.contact(companyId=company["id"])
    await place.post(f"/companies/{company['id']}/archive")
    assert await place.names(f"/companies/{company['id']}/contacts") == ["Jutta Brandt"]
    same = {"companyId": company["id"], "title": "CEO"}
    answer = await place.patch(f"/contacts/{contact['id']}", same)
    assert (answer.status_code, answer.json()["title"]) == (200, "CEO")


async def test_archived_contact_leaves_the_lists_and_comes_back(place: Place) -> None:
    company = await place.company()
    contact = await place.contact(companyId=company["id"])
    path, of_company = f"/contacts/{contact['id']}", f"/companies/{company['id']}/contacts"
    for _ in range(2):
        assert (await place.post(f"{path}/archive")).json()["version"] == 2
    assert await place.names("/contacts") == await place.names(of_company) == []
    assert await place.names("/contacts", archived=True) == ["Jutta Brandt"]
    assert await place.names(of_company, archived=True) == ["Jutta Brandt"]
    for _ in range(2):
        assert (await place.post(f"{path}/restore")).json()["version"] == 3
    assert await place.names("/contacts") == ["Jutta Brandt"]
    assert await place.told(contact) == ["contact.created", "contact.archived", "contact.restored"]
    assert await place.stand.actions(contact["id"]) == ["CREATE", "ARCHIVE", "RESTORE"]


async def test_stale_version_of_a_contact_is_refused(place: Place) -> None:
    contact = await place.contact()
    path = f"/contacts/{contact['id']}"
    await place.patch(path, {"title": "CEO"})
    assert code_of(await place.patch(path, {"title": "CTO"}, if_match='"1"'), 412) == "STALE_VERSION"
    assert code_of(await place.post(f"{path}/archive", if_match='"1"'), 412) == "STALE_VERSION"
    assert (await place.patch(path, {"title": "CEO"}, if_match='"2"')).json()["version"] == 2


async def test_contact_of_an_active_owner_only(place: Place) -> None:
    contact = await place.contact(ownerUserId=place.owner)
    assert contact["owner"]["name"] == "Olga Owner"
    for answer in (
        await place.post("/contacts", {"name": "Jutta", "ownerUserId": NOBODY}),
        await place.patch(f"/contacts/{contact['id']}", {"ownerUserId": NOBODY}),
    ):
        assert code_of(answer, 400) == "BAD_REQUEST"


async def test_activity_of_a_contact(place: Place) -> None:
    contact = await place.contact(email="a@x.test")
    entries = (await place.read(f"/contacts/{contact['id']}/activity"))["items"]
    assert [entry["action"] for entry in entries] == ["CREATE"]
    assert entries[0]["after"]["email"] == "a@x.test"
    assert code_of(await place.get(f"/contacts/{NOBODY}/activity"), 404) == "NOT_FOUND"
