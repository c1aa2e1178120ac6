"""Deals: their value and owner, and how they are won, lost and reopened."""

import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of

COMMANDS = {"WON": "mark-won", "LOST": "mark-lost", "OPEN": "reopen"}
TOLD = {"WON": "deal.won", "LOST": "deal.lost", "OPEN": "deal.reopened"}
ACTIONS = {"WON": "MARK_WON", "LOST": "MARK_LOST", "OPEN": "REOPEN"}
MOVES = {("OPEN", "WON"), ("OPEN", "LOST"), ("WON", "OPEN"), ("LOST", "OPEN")}
REPEATS = {("WON", "WON"), ("LOST", "LOST")}


async def deal_in(place: Place, stage: str, title: str) -> Json:
    """A deal that stands there."""
    deal = await place.deal(title=title)
    if stage == "OPEN":
        return deal
    answer = await place.post(f"/deals/{deal['id']}/{COMMANDS[stage]}")
    moved: Json = answer.json()
    return moved


async def test_new_deal_is_answered_recorded_and_told(place: Place) -> None:
    company = await place.company()
    contact = await place.contact(companyId=company["id"])
    answer = await place.post(
        "/deals",
        {
            "title": "Retrofit",
            "companyId": company["id"],
            "contactId": contact["id"],
            "ownerUserId": place.owner,
            "valueAmount": 1200,
            "expectedCloseDate": "2026-05-01T00:00:00.000Z",
            "stage": "OPEN",
        },
    )
    assert answer.status_code == 201, answer.text
    deal = answer.json()
    assert answer.headers["location"] == f"/api/v1/deals/{deal['id']}"
    assert (deal["valueAmount"], deal["currency"], deal["expectedCloseDate"]) == (
        "1200.00",
        "EUR",
        "2026-05-01",
    )
    assert (deal["stage"], deal["isStale"], deal["wonAt"], deal["version"]) == ("OPEN", False, None, 1)
    assert deal["company"] == {"id": company["id"], "name": "Brandt GmbH"}
    assert deal["owner"] == {"id": place.owner, "name": "Olga Owner", "email": "olga@test.example"}
    assert "valueMinor" not in deal
    assert await place.read(f"/deals/{deal['id']}") == deal
    assert await place.told(deal) == ["deal.created"]
    told = (await place.fact("deal.created")).deal
    assert (told.value.minor, told.value.currency, told.company.name) == (120000, "EUR", "Brandt GmbH")
    assert (told.expected_close_date, told.owner_user_id) == ("2026-05-01", place.owner)
    assert await place.stand.actions(deal["id"]) == ["CREATE"]


async def test_value_is_exact_in_its_currency(place: Place) -> None:
    for amount, currency, shown in (
        (None, None, None),
        ("0", "EUR", "0.00"),
        ("0.1", "usd", "0.10"),
        (19.99, "EUR", "19.99"),
        (1500, "JPY", "1500"),
        ("1.234", "KWD", "1.234"),
        ("1000000000000", "KWD", "1000000000000.000"),
    ):
        deal = await place.deal(title=f"{amount} {currency}", valueAmount=amount, currency=currency)
        assert (deal["valueAmount"], deal["currency"]) == (shown, (currency or "EUR").upper())
    for amount, currency in (("1.001", "EUR"), ("1.5", "JPY"), ("-1", "EUR"), ("1e13", "EUR"), ("x", "EUR")):
        body = {"title": "D", "companyId": NOBODY, "ownerUserId": place.owner, "valueAmount": amount}
        company = await place.company(f"Company {amount} {currency}")
        answer = await place.post("/deals", body | {"companyId": company["id"], "currency": currency})
        error = error_of(answer, 400)
        assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", "valueAmount"), amount


async def test_currency_is_the_organisations_unless_named(place: Place) -> None:
    place.identity.add_organisation(place.org_id, currency="CHF")
    deal = await place.deal(valueAmount="10")
    assert deal["currency"] == "CHF"
    path = f"/deals/{deal['id']}"
    changed = (await place.patch(path, {"currency": "JPY"})).json()
    assert (changed["valueAmount"], changed["currency"]) == ("10", "JPY")
    changed = (await place.patch(path, {"valueAmount": "10.50", "currency": "EUR"})).json()
    assert (changed["valueAmount"], changed["currency"]) == ("10.50", "EUR")
    assert code_of(await place.patch(path, {"currency": "JPY"}), 400) == "VALIDATION_ERROR"
    cleared = (await place.patch(path, {"valueAmount": None})).json()
    assert (cleared["valueAmount"], cleared["currency"]) == (None, "EUR")
    assert not (await place.stand.facts("sales.deal.updated.v1"))[-1].message.deal.HasField("value")


@pytest.mark.parametrize("stage", ["OPEN", "WON", "LOST"])
@pytest.mark.parametrize("wanted", ["OPEN", "WON", "LOST"])
async def test_every_move_of_a_deal(place: Place, stage: str, wanted: str) -> None:
    by_name, by_patch = await deal_in(place, stage, "named"), await deal_in(place, stage, "patched")
    place.stand.clock.advance(hours=1)
    named = await place.post(f"/deals/{by_name['id']}/{COMMANDS[wanted]}")
    patched = await place.patch(f"/deals/{by_patch['id']}", {"stage": wanted})
    if (stage, wanted) in MOVES:
        for deal, answer in ((by_name, named), (by_patch, patched)):
            moved = answer.json()
            assert (answer.status_code, moved["stage"], moved["version"]) == (
                200,
                wanted,
                deal["version"] + 1,
            )
            now = "2026-03-10T13:00:00Z"
            assert moved["wonAt"] == (now if wanted == "WON" else None)
            assert moved["lostAt"] == (now if wanted == "LOST" else None)
            assert moved["lastActivityAt"] == now
            assert (await place.told(deal))[-1] == TOLD[wanted]
            assert (await place.stand.actions(deal["id"]))[-1] == ACTIONS[wanted]
    elif (stage, wanted) in REPEATS:
        assert (named.json(), patched.json()) == (by_name, by_patch)
        assert (await place.told(by_name)).count(TOLD[wanted]) == 1
    else:
        details = error_of(named, 409)["details"]
        assert (details["from"], details["to"]) == (stage, wanted)
        assert code_of(named, 409) == "ILLEGAL_TRANSITION"
        assert await place.read(f"/deals/{by_name['id']}") == by_name
        if stage == wanted:
            assert patched.json() == by_patch
        else:
            assert code_of(patched, 409) == "ILLEGAL_TRANSITION"


async def test_parallel_mark_won_tells_once(place: Place) -> None:
    deal = await place.deal()
    path = f"/deals/{deal['id']}/mark-won"
    answers = await place.race("deal", deal, *(place.post(path) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.text for answer in answers}) == 1
    assert await place.told(deal) == ["deal.created", "deal.won"]
    assert (await place.fact("deal.won")).deal.stage == "WON"


async def test_won_and_lost_at_once_is_one_of_them(place: Place) -> None:
    deal = await place.deal()
    path = f"/deals/{deal['id']}"
    answers = await place.race("deal", deal, place.post(f"{path}/mark-won"), place.post(f"{path}/mark-lost"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await place.told(deal)) == 2


async def test_reason_of_losing_is_kept_until_reopened(place: Place) -> None:
    deal = await place.deal()
    path = f"/deals/{deal['id']}"
    lost = await place.post(f"{path}/mark-lost", {"reason": "too dear"})
    assert lost.json()["lostReason"] == "too dear"
    assert (await place.fact("deal.lost")).deal.lost_reason == "too dear"
    again = await place.post(f"{path}/mark-lost", {"reason": "another"})
    assert again.json() == lost.json()
    assert code_of(await place.post(f"{path}/mark-lost", {"reason": "x" * 1001}), 400) == "VALIDATION_ERROR"
    assert (await place.post(f"{path}/reopen")).json()["lostReason"] is None


async def test_deal_cannot_begin_decided(place: Place) -> None:
    company = await place.company()
    for stage in ("WON", "LOST", "other", None):
        body = {"title": "D", "companyId": company["id"], "ownerUserId": place.owner, "stage": stage}
        assert code_of(await place.post("/deals", body), 400) == "VALIDATION_ERROR"


async def test_policy_requires_an_owner(place: Place) -> None:
    company = await place.company()
    body = {"title": "D", "companyId": company["id"]}
    refused = await place.post("/deals", body)
    assert code_of(refused, 409) == "OWNER_REQUIRED"
    assert refused.json()["error"]["details"] == {"field": "ownerUserId"}
    deal = await place.deal(company)
    assert code_of(await place.patch(f"/deals/{deal['id']}", {"ownerUserId": None}), 409) == "OWNER_REQUIRED"
    await place.change_organisation(policies={"require_deal_owner": False})
    assert (await place.post("/deals", body)).status_code == 201
    free = (await place.patch(f"/deals/{deal['id']}", {"ownerUserId": None})).json()
    assert (free["owner"], free["ownerUserId"]) == (None, None)
    await place.change_organisation(policies={"require_deal_owner": True})
    assert code_of(await place.patch(f"/deals/{deal['id']}", {"title": "Other"}), 409) == "OWNER_REQUIRED"
    assert (await place.patch(f"/deals/{deal['id']}", {"ownerUserId": place.owner})).status_code == 200


async def test_company_and_contact_of_a_deal_belong_together(place: Place) -> None:
    brandt, havel = await place.company("Brandt GmbH"), await place.company("Havel AG")
    jutta = await place.contact("Jutta", companyId=brandt["id"])
    body = {"title": "D", "ownerUserId": place.owner, "contactId": jutta["id"]}
    assert code_of(await place.post("/deals", body | {"companyId": havel["id"]}), 400) == "BAD_REQUEST"
    deal = await place.made("/deals", **body, companyId=brandt["id"])
    path = f"/deals/{deal['id']}"
    assert code_of(await place.patch(path, {"companyId": havel["id"]}), 400) == "BAD_REQUEST"
    moved = await place.patch(path, {"companyId": havel["id"], "contactId": None})
    assert (moved.json()["company"]["name"], moved.json()["contactId"]) == ("Havel AG", None)
    assert code_of(await place.patch(path, {"contactId": jutta["id"]}), 400) == "BAD_REQUEST"


async def test_deal_stays_changeable_when_its_company_is_archived(place: Place) -> None:
    company = await place.company()
    deal = await place.deal(company)
    await place.post(f"/companies/{company['id']}/archive")
    same = {"title": "Other", "companyId": company["id"]}
    assert (await place.patch(f"/deals/{deal['id']}", same)).status_code == 200
    body = {"title": "D", "companyId": company["id"], "ownerUserId": place.owner}
    assert code_of(await place.post("/deals", body), 400) == "BAD_REQUEST"


async def test_unknown_references_of_a_deal_are_refused(place: Place) -> None:
    deal = await place.deal()
    good = {"title": "D", "companyId": deal["companyId"], "ownerUserId": place.owner}
    for field in ("companyId", "contactId", "ownerUserId"):
        assert code_of(await place.post("/deals", good | {field: NOBODY}), 400) == "BAD_REQUEST"
        assert code_of(await place.patch(f"/deals/{deal['id']}", {field: NOBODY}), 400) == "BAD_REQUEST"
    for field in ("title", "companyId", "stage", "currency"):
        answer = await place.patch(f"/deals/{deal['id']}", {field: None})
        assert code_of(answer, 400) == "VALIDATION_ERROR"
    assert await place.names("/deals", "id") == [deal["id"]]


async def test_stale_version_of_a_deal_is_refused(place: Place) -> None:
    deal = await place.deal()
    path = f"/deals/{deal['id']}"
    assert (await place.patch(path, {"title": "Other"}, if_match='"1"')).headers["etag"] == '"2"'
    assert code_of(await place.patch(path, {"title": "Stale"}, if_match='"1"'), 412) == "STALE_VERSION"
    for command in COMMANDS.values():
        assert code_of(await place.post(f"{path}/{command}", if_match='"1"'), 412) == "STALE_VERSION"
    assert (await place.read(path))["title"] == "Other"
    assert await place.told(deal) == ["deal.created", "deal.updated"]


async def test_deal_grows_stale_without_activity(place: Place) -> None:
    await place.change_organisation(policies={"stale_deal_after_days": 3})
    deal = await place.deal()
    path = f"/deals/{deal['id']}"
    place.stand.clock.advance(days=3)
    assert (await place.read(path))["isStale"] is False
    place.stand.clock.advance(seconds=1)
    assert (await place.read(path))["isStale"] is True
    assert await place.names("/deals", "isStale") == [True]
    untouched = await place.patch(path, {"title": deal["title"]})
    assert untouched.json()["isStale"] is True
    touched = (await place.patch(path, {"title": "Other"})).json()
    assert (touched["isStale"], touched["lastActivityAt"]) == (False, touched["updatedAt"])
    told = (await place.fact("deal.updated")).deal
    assert told.last_activity_at.ToJsonString() == touched["lastActivityAt"]
    await place.post(f"{path}/mark-won")
    place.stand.clock.advance(days=30)
    assert (await place.read(path))["isStale"] is False


async def test_stale_follows_the_default_until_the_organisation_is_known(place: Place) -> None:
    await place.deal()
    place.stand.clock.advance(days=7, seconds=1)
    assert await place.names("/deals", "isStale") == [True]


async def test_unknown_organisation_while_identity_is_away_writes_nothing(place: Place) -> None:
    company = await place.company()
    place.identity.is_away = True
    answer = await place.post(
        "/deals", {"title": "D", "companyId": company["id"], "ownerUserId": place.owner}
    )
    assert code_of(answer, 503) == "DEPENDENCY_UNAVAILABLE"
    assert await place.names("/deals") == []


@pytest.mark.parametrize(("stage", "reason"), [("WON", "wonReason"), ("LOST", "lostReason")])
async def test_patch_gives_the_reason_with_the_outcome_and_corrects_it_later(
    place: Place, stage: str, reason: str
) -> None:
    deal = await place.deal()
    path = f"/deals/{deal['id']}"
    assert code_of(await place.patch(path, {reason: "the price"}), 400) == "BAD_REQUEST"
    assert (await place.patch(path, {reason: None})).json()["version"] == 1
    decided = (await place.patch(path, {"stage": stage, reason: "the price"})).json()
    assert (decided["stage"], decided[reason], decided["version"]) == (stage, "the price", 2)
    corrected = (await place.patch(path, {"stage": stage, reason: "the terms"})).json()
    assert (corrected["stage"], corrected[reason], corrected["version"]) == (stage, "the terms", 3)
    other = {"wonReason": "lostReason", "lostReason": "wonReason"}[reason]
    assert code_of(await place.patch(path, {other: "no"}), 400) == "BAD_REQUEST"
    assert code_of(await place.patch(path, {"stage": "OPEN", reason: "no"}), 400) == "BAD_REQUEST"
    assert (await place.patch(path, {"stage": "OPEN"})).json()[reason] is None
    assert await place.told(deal) == [
        "deal.created",
        f"deal.{stage.lower()}",
        "deal.updated",
        "deal.reopened",
    ]


async def test_activity_of_a_deal_holds_what_changed(place: Place) -> None:
    deal = await place.deal(valueAmount="10.00")
    await place.patch(f"/deals/{deal['id']}", {"valueAmount": "20.00", "stage": "LOST"})
    entries = (await place.read(f"/deals/{deal['id']}/activity"))["items"]
    changes = {entry["action"]: (entry["before"], entry["after"]) for entry in entries}
    assert changes["CREATE"][1]["valueAmount"] == "10.00"
    assert changes["UPDATE"] == ({"valueAmount": "10.00"}, {"valueAmount": "20.00"})
    assert changes["MARK_LOST"][1] == {"stage": "LOST", "lostAt": "2026-03-10T12:00:00Z"}
    assert code_of(await place.get(f"/deals/{NOBODY}/activity"), 404) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        ({"valueAmount": None}, {"valueAmount": "10.00"}, {"valueAmount": None}),
        (
            {"currency": "JPY"},
            {"valueAmount": "10.00", "currency": "EUR"},
            {"valueAmount": "10", "currency": "JPY"},
        ),
        ({"currency": "USD"}, {"currency": "EUR"}, {"currency": "USD"}),
    ],
)
async def test_activity_tells_a_value_in_the_currency_of_its_time(
    place: Place, fields: Json, before: Json, after: Json
) -> None:
    deal = await place.deal(valueAmount="10.00")
    await place.patch(f"/deals/{deal['id']}", fields)
    newest = (await place.get(f"/deals/{deal['id']}/activity", sortBy="action")).json()["items"][0]
    assert (newest["action"], newest["before"], newest["after"]) == ("UPDATE", before, after)


@pytest.mark.parametrize(
    ("stage", "door", "permission"),
    [
        ("WON", "mark-won", "deals:win"),
        ("LOST", "mark-lost", "deals:lose"),
        ("OPEN", "reopen", "deals:reopen"),
    ],
)
async def test_stage_is_changed_by_whoever_may_run_its_command_alone(
    place: Place, stage: str, door: str, permission: str
) -> None:
    deal = await place.deal()
    if stage == "OPEN":
        deal = (await place.post(f"/deals/{deal['id']}/mark-won")).json()
    url, body = f"/api/v1/deals/{deal['id']}", {"title": "Changed", "stage": stage}
    operation = {"op": "update", "id": deal["id"], "data": body}
    async with place.stand.client("deals:read", "deals:write", "deals:batch") as writer:
        for answer in (await writer.post(f"{url}/{door}"), await writer.patch(url, json=body)):
            error = error_of(answer, 403)
            assert (error["code"], error["details"]) == ("FORBIDDEN", {"permission": permission})
        answer = await writer.post("/api/v1/deals/batch", json={"operations": [operation]})
        assert answer.json()["results"][0]["error"]["code"] == "FORBIDDEN"
    assert await place.read(f"/deals/{deal['id']}") == deal
    async with place.stand.client("deals:write", permission) as decider:
        changed = (await decider.patch(url, json=body)).json()
        assert (changed["stage"], changed["title"]) == (stage, "Changed")
