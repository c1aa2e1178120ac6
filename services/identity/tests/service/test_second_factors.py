"""Authenticator apps and recovery codes: what signing in needs then, and what guessing and stealing bring nobody."""

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from services.identity.tests.authenticator import App, Authenticator, enroll, register
from services.identity.tests.place import PASSWORD, Person, Place
from sqlalchemy import select

from identity.domain.mail_links import LinkKind
from identity.domain.policies import Policies
from identity.domain.roles import Role
from identity.domain.second_factors import RecoveryCode, SecondFactor
from identity.domain.sessions import Session


def _claims(answer: Any) -> dict[str, Any]:
    return dict(jwt.decode(answer.json()["accessToken"], options={"verify_signature": False}))


def _error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def _signed_in(place: Place) -> Person:
    person = await place.join(Role.SALES)
    assert (await person.sign_in()).status_code == 200
    return person


async def _with_app(place: Place) -> tuple[Person, App]:
    person = await _signed_in(place)
    return person, await enroll(place, person)


def _elsewhere(place: Place, person: Person) -> Person:
    """The same person in a browser that has never seen them."""
    return replace(person, browser=place.browser())


async def _events(place: Place) -> list[tuple[str, str]]:
    return [(fact.message.type, fact.message.severity) for fact in await place.facts("security_event.raised")]


async def _require(place: Place, policy: str) -> None:
    async with place.reception.tx() as tx:
        policies = await tx.session.scalar(select(Policies).where(Policies.org_id == place.owner.org_id))
        assert policies is not None
        policies.require_second_factor = policy


# ---------------------------------------------------------------------------------------------------- enrolling


async def test_app_gets_its_seed_as_text_address_and_picture(place: Place) -> None:
    person = await _signed_in(place)
    answer = (await person.browser.post("/auth/totp/enroll")).json()
    assert answer.keys() == {"secret", "uri", "qrSvg"}
    uri = urlsplit(answer["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query) == {"secret": [answer["secret"]], "issuer": ["Execos"]}
    assert answer["qrSvg"].startswith("<svg")


async def test_seed_and_codes_are_kept_unreadable(place: Place) -> None:
    person, app = await _with_app(place)
    async with place.reception.tx() as tx:
        factor = await tx.session.scalar(select(SecondFactor).where(SecondFactor.user_id == person.id))
        codes = await tx.session.scalars(
            select(RecoveryCode.code_hash).where(RecoveryCode.user_id == person.id)
        )
        kept = [factor.seed if factor else b"", *codes]
    assert len(kept) == 11
    for secret in (app.secret, *app.recovery_codes):
        assert all(secret.encode() not in each for each in kept)


async def test_app_counts_only_once_a_code_of_it_was_given(place: Place) -> None:
    person = await _signed_in(place)
    app = App(place, (await person.browser.post("/auth/totp/enroll")).json()["secret"])
    wrong = await person.browser.post("/auth/totp/confirm", json={"code": app.code(steps=5)})
    assert _error(wrong) == (400, "VALIDATION_ERROR")
    assert (await person.sign_in()).status_code == 200
    assert (await person.browser.get("/auth/second-factors")).json() == {
        "totpEnabledAt": None,
        "passkeys": [],
        "recoveryCodesLeft": 0,
    }


async def test_confirmed_app_makes_the_session_strong_and_is_told(place: Place) -> None:
    person = await _signed_in(place)
    assert "mfa" not in _claims(await person.refresh())
    app = await enroll(place, person)
    answer = await person.refresh()
    assert _claims(answer)["mfa"] is True
    assert len(set(app.recovery_codes)) == 10
    shown = (await person.browser.get("/auth/second-factors")).json()
    assert shown["totpEnabledAt"] is not None
    assert shown["recoveryCodesLeft"] == 10
    assert await _events(place) == [("SECOND_FACTOR_ENABLED", "LOW")]
    assert await place.stand.actions(_claims(answer)["sid"]) == [
        "LOGIN_SUCCESS",
        "TOKEN_REFRESH",
        "SECOND_FACTOR_ENROLL",
        "SECOND_FACTOR_ENABLE",
        "TOKEN_REFRESH",
    ]


async def test_two_enrolments_at_once_leave_one_seed(place: Place) -> None:
    person = await _signed_in(place)
    other = _elsewhere(place, person)
    assert (await other.sign_in()).status_code == 200
    await place.warm()
    answers = await asyncio.gather(*(each.browser.post("/auth/totp/enroll") for each in (person, other)))
    assert [answer.status_code for answer in answers] == [200, 200]
    apps = [App(place, answer.json()["secret"]) for answer in answers]
    confirmed = [
        (await person.browser.post("/auth/totp/confirm", json={"code": app.code()})).status_code
        for app in apps
    ]
    assert 200 in confirmed
    assert max(confirmed) in {400, 409}


async def test_there_is_one_app_at_a_time(place: Place) -> None:
    person, app = await _with_app(place)
    assert _error(await person.browser.post("/auth/totp/enroll")) == (409, "CONFLICT")
    again = await person.browser.post("/auth/totp/confirm", json={"code": app.code()})
    assert _error(again) == (409, "CONFLICT")


async def test_nothing_secret_is_in_the_history(place: Place) -> None:
    person, app = await _with_app(place)
    used = app.recovery_codes[0]
    assert (await person.sign_in(recoveryCode=used)).status_code == 200
    for fact in await place.stand.facts("identity.activity.recorded.v1", "identity.security_event.raised.v1"):
        assert not any(secret in str(fact.message) for secret in (app.secret, used, PASSWORD))


# ----------------------------------------------------------------------------------------------- signing in


async def test_right_password_alone_is_told_what_is_missing(place: Place) -> None:
    person, _ = await _with_app(place)
    answer = await person.sign_in()
    assert _error(answer) == (401, "SECOND_FACTOR_REQUIRED")
    assert answer.json()["error"]["details"] == {"methods": ["totp", "recoveryCode"]}
    assert "set-cookie" not in answer.headers


async def test_what_else_keeps_somebody_out_is_told_after_the_second_factor(place: Place) -> None:
    person, app = await _with_app(place)
    async with place.reception.tx() as tx:
        policies = await tx.session.scalar(select(Policies).where(Policies.org_id == place.owner.org_id))
        assert policies is not None
        policies.ip_restriction_enabled = True
    assert _error(await person.sign_in()) == (401, "SECOND_FACTOR_REQUIRED")
    place.stand.clock.advance(seconds=60)
    assert _error(await person.sign_in(totp=app.code())) == (403, "IP_NOT_ALLOWED")


async def test_wrong_password_with_or_without_a_code_is_told_nothing(place: Place) -> None:
    person, app = await _with_app(place)
    for more in ({}, {"totp": app.code()}, {"recoveryCode": app.recovery_codes[0]}):
        assert _error(await person.sign_in("wrong password", **more)) == (401, "UNAUTHORIZED")
    assert (await person.sign_in(recoveryCode=app.recovery_codes[0])).status_code == 200


async def test_code_lets_in_and_the_session_stays_strong(place: Place) -> None:
    person, app = await _with_app(place)
    assert _claims(await person.sign_in(totp=app.code()))["mfa"] is True
    assert _claims(await person.refresh())["mfa"] is True


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
async def test_code_holds_one_step_before_and_after_its_time(place: Place, steps: int, status: int) -> None:
    person, app = await _with_app(place)
    place.stand.clock.advance(minutes=5)
    assert (await person.sign_in(totp=app.code(steps=steps))).status_code == status


async def test_code_is_accepted_once(place: Place) -> None:
    person, app = await _with_app(place)
    place.stand.clock.advance(minutes=5)
    assert (await person.sign_in(totp=app.code())).status_code == 200
    for steps in (0, -1):
        assert _error(await person.sign_in(totp=app.code(steps=steps))) == (401, "UNAUTHORIZED")
    assert (await person.sign_in(totp=app.code(steps=1))).status_code == 200


async def test_code_of_the_confirmation_does_not_let_in(place: Place) -> None:
    person, app = await _with_app(place)
    assert (await person.sign_in(totp=app.code(steps=-1))).status_code == 401


async def test_same_code_twice_at_once_lets_in_once(place: Place) -> None:
    person, app = await _with_app(place)
    await place.warm()
    twins = [_elsewhere(place, person) for _ in range(3)]
    answers = await asyncio.gather(*(each.sign_in(totp=app.code()) for each in twins))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


async def test_wrong_codes_spend_the_budget_and_then_nothing_is_learnt(place: Place) -> None:
    person, app = await _with_app(place)
    thief = _elsewhere(place, person)
    for _ in range(5):
        assert _error(await thief.sign_in(totp="000000")) == (401, "UNAUTHORIZED")
    for more in ({}, {"totp": app.code()}, {"recoveryCode": app.recovery_codes[0]}):
        assert _error(await thief.sign_in(**more)) == (401, "UNAUTHORIZED")
    assert (await person.sign_in(totp=app.code())).status_code == 200  # on the known device


async def test_parallel_codes_never_exceed_the_budget(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    person, _ = await _with_app(place)
    looked_at: list[str] = []
    accept = SecondFactor.accept

    def count(factor: SecondFactor, secret: str, code: str, now: Any) -> bool:
        looked_at.append(code)
        return accept(factor, secret, code, now)

    monkeypatch.setattr(SecondFactor, "accept", count)
    thief = _elsewhere(place, person)
    answers = await asyncio.gather(*(thief.sign_in(totp=f"{number:06}") for number in range(20)))
    assert {answer.status_code for answer in answers} == {401}
    assert len(looked_at) == 5


async def test_asking_what_is_missing_refills_no_budget(place: Place) -> None:
    person, app = await _with_app(place)
    thief = _elsewhere(place, person)
    for number in range(5):
        assert _error(await thief.sign_in()) == (401, "SECOND_FACTOR_REQUIRED"), number
        assert _error(await thief.sign_in(totp="000000")) == (401, "UNAUTHORIZED")
    assert _error(await thief.sign_in()) == (401, "UNAUTHORIZED")
    place.stand.clock.advance(seconds=31)
    assert _error(await thief.sign_in()) == (401, "SECOND_FACTOR_REQUIRED")
    assert (await thief.sign_in(totp=app.code())).status_code == 200  # both steps in one opening


async def test_two_steps_are_no_failure_that_anybody_is_told(place: Place) -> None:
    person, app = await _with_app(place)
    await person.sign_in()
    await person.sign_in(totp=app.code())
    await place.reception.settle()
    assert await place.facts("login.failed") == []
    await person.sign_in(totp="000000")
    await place.reception.settle()
    assert [fact.message.attempts for fact in await place.facts("login.failed")] == [1]


@pytest.mark.parametrize("code", ["12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 345"])
async def test_code_that_is_none_is_refused_as_such(place: Place, code: str) -> None:
    assert _error(await place.owner.sign_in(totp=code)) == (400, "VALIDATION_ERROR")


# ------------------------------------------------------------------------------------------- recovery codes


async def test_recovery_code_lets_in_once_however_it_is_typed(place: Place) -> None:
    person, app = await _with_app(place)
    code = app.recovery_codes[0]
    assert _claims(await person.sign_in(recoveryCode=code.lower().replace("-", " ")))["mfa"] is True
    assert _error(await person.sign_in(recoveryCode=code)) == (401, "UNAUTHORIZED")
    assert (await person.browser.get("/auth/second-factors")).json()["recoveryCodesLeft"] == 9
    assert ("RECOVERY_CODE_USED", "MEDIUM") in await _events(place)


async def test_same_recovery_code_twice_at_once_lets_in_once(place: Place) -> None:
    person, app = await _with_app(place)
    await place.warm()
    twins = [_elsewhere(place, person) for _ in range(3)]
    answers = await asyncio.gather(*(each.sign_in(recoveryCode=app.recovery_codes[0]) for each in twins))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


async def test_recovery_code_is_good_for_its_person_only(place: Place) -> None:
    _, app = await _with_app(place)
    other, _ = await _with_app(place)
    assert (await other.sign_in(recoveryCode=app.recovery_codes[0])).status_code == 401


async def test_new_codes_void_the_older_ones(place: Place) -> None:
    person, app = await _with_app(place)
    answer = await person.browser.post("/auth/recovery-codes")
    assert answer.status_code == 200, answer.text
    new = answer.json()["recoveryCodes"]
    assert len(set(new)) == 10
    assert (await person.sign_in(recoveryCode=app.recovery_codes[0])).status_code == 401
    assert (await person.sign_in(recoveryCode=new[0])).status_code == 200


async def test_codes_without_a_factor_are_refused(place: Place) -> None:
    person = await _signed_in(place)
    assert _error(await person.browser.post("/auth/recovery-codes")) == (409, "CONFLICT")


# ------------------------------------------------------------------------------------------------ taking away


@pytest.mark.parametrize("by", ["password", "code"])
async def test_app_is_taken_away_with_password_or_code(place: Place, by: str) -> None:
    person, app = await _with_app(place)
    proof = {"password": PASSWORD} if by == "password" else {"code": app.code()}
    answer = await person.browser.post("/auth/totp/disable", json=proof)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert ("SECOND_FACTOR_DISABLED", "MEDIUM") in await _events(place)
    assert "mfa" not in _claims(await person.refresh())
    assert "mfa" not in _claims(await person.sign_in())
    assert (await person.browser.get("/auth/second-factors")).json()["recoveryCodesLeft"] == 0


async def test_taking_it_away_ends_the_other_sessions(place: Place) -> None:
    second = await place.open()
    person = await _signed_in(place)
    await place.join(Role.FINANCE, at=second, email=person.email)
    others = [_elsewhere(place, person), _elsewhere(place, person)]
    assert (await others[0].sign_in()).status_code == 200
    away = _claims(await others[1].sign_in(orgSlug=second.slug))
    await enroll(place, person)
    assert (await person.browser.post("/auth/totp/disable", json={"password": PASSWORD})).status_code == 200
    assert [(await each.refresh()).status_code for each in (person, *others)] == [200, 401, 401]
    assert [fact.message.reason for fact in await place.facts("session.revoked")] == ["factor_removed"]
    (told,) = await place.facts("session.revoked", org_id=second.org_id)
    assert told.message.session_id == away["sid"]
    assert await place.stand.actions(away["sid"]) == []  # not here, but where it worked
    place.stand.org_id = second.org_id
    assert await place.stand.actions(away["sid"]) == ["LOGIN_SUCCESS", "SESSION_END"]


async def test_wrong_proof_takes_nothing_away_and_is_limited(place: Place) -> None:
    person, app = await _with_app(place)
    for number in range(5):
        proof = {"code": "000000"} if number % 2 else {"password": "wrong password"}
        refused = await person.browser.post("/auth/totp/disable", json=proof)
        assert _error(refused) == (400, "VALIDATION_ERROR")
    for proof in ({"code": app.code()}, {"password": PASSWORD}):
        locked = await person.browser.post("/auth/totp/disable", json=proof)
        assert _error(locked) == (400, "VALIDATION_ERROR")
    place.stand.clock.advance(seconds=31)
    assert (await person.browser.post("/auth/totp/disable", json={"code": app.code()})).status_code == 200


@pytest.mark.parametrize("proof", [{}, {"password": PASSWORD, "code": "123456"}, {"code": 123456}])
async def test_proof_is_one_of_the_two(place: Place, proof: dict[str, Any]) -> None:
    person = await _signed_in(place)
    answer = await person.browser.post("/auth/totp/disable", json=proof)
    assert _error(answer) == (400, "VALIDATION_ERROR")


async def test_no_app_no_taking_away(place: Place) -> None:
    person = await _signed_in(place)
    answer = await person.browser.post("/auth/totp/disable", json={"password": PASSWORD})
    assert _error(answer) == (409, "CONFLICT")


async def test_session_without_the_factor_changes_no_factors(place: Place) -> None:
    """Whoever knows the password and finds an older session must not get round the second factor."""
    person = await _signed_in(place)
    older = _elsewhere(place, person)
    assert (await older.sign_in()).status_code == 200
    await enroll(place, person)
    weak = (403, "SECOND_FACTOR_REQUIRED")
    assert _error(await older.browser.post("/auth/totp/disable", json={"password": PASSWORD})) == weak
    assert _error(await older.browser.post("/auth/recovery-codes")) == weak
    assert _error(await older.browser.post("/auth/passkeys/register/options")) == weak
    assert "mfa" not in _claims(await older.refresh())


async def test_pending_app_is_not_confirmed_by_a_session_without_the_other_factor(place: Place) -> None:
    person = await _signed_in(place)
    older = _elsewhere(place, person)
    await older.sign_in()
    app = App(place, (await older.browser.post("/auth/totp/enroll")).json()["secret"])
    assert (await register(person, Authenticator())).status_code == 201
    answer = await older.browser.post("/auth/totp/confirm", json={"code": app.code()})
    assert _error(answer) == (403, "SECOND_FACTOR_REQUIRED")


@pytest.mark.parametrize(
    ("policy", "role", "status"),
    [
        ("all", Role.SALES, 409),
        ("admins", Role.ADMIN, 409),
        ("admins", Role.SALES, 200),
        ("off", Role.ADMIN, 200),
    ],
)
async def test_last_factor_stays_where_an_organisation_requires_one(
    place: Place, policy: str, role: Role, status: int
) -> None:
    person = await place.join(role)
    await person.sign_in()
    await enroll(place, person)
    await _require(place, policy)
    answer = await person.browser.post("/auth/totp/disable", json={"password": PASSWORD})
    assert answer.status_code == status
    if status == 409:
        assert _error(answer) == (409, "SECOND_FACTOR_NEEDED")
        assert (await person.browser.get("/auth/second-factors")).json()["totpEnabledAt"] is not None


async def test_policy_for_admins_means_whoever_administers_by_whichever_role(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    office = {"key": "office", "name": "Office", "permissions": ["api-keys:manage"]}
    assert (await owner.browser.post("/roles", json=office)).status_code == 201
    holder, granted, seller = [await place.join(role) for role in (Role.VIEWER, Role.OPS, Role.SALES)]
    await owner.browser.post(f"/users/{holder.id}/roles", json={"role": "office"})
    await owner.browser.put("/roles/ops/overrides", json={"grants": ["modules:manage"], "denies": []})
    await _require(place, "admins")
    place.stand.runtime.tenants._known.clear()  # as the fact does in a running service
    for person in (holder, granted):
        await person.sign_in()
        assert _error(await person.browser.get("/permissions")) == (403, "SECOND_FACTOR_REQUIRED")
        await enroll(place, person)
        await person.refresh()
        assert (await person.browser.get("/permissions")).status_code == 200
        kept = await person.browser.post("/auth/totp/disable", json={"password": PASSWORD})
        assert _error(kept) == (409, "SECOND_FACTOR_NEEDED")
    await seller.sign_in()
    assert (await seller.browser.get("/permissions")).status_code == 200


async def test_two_factors_taken_away_at_once_leave_the_required_one(place: Place) -> None:
    person = await _signed_in(place)
    passkeys = [(await register(person, Authenticator())).json()["id"] for _ in range(2)]
    await _require(place, "all")
    await place.warm()
    answers = await asyncio.gather(*(person.browser.delete(f"/auth/passkeys/{each}") for each in passkeys))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


@pytest.mark.parametrize(("was_confirmed", "status"), [(True, 401), (False, 200)])
async def test_reset_password_leaves_factors_to_who_had_shown_their_address(
    place: Place, *, was_confirmed: bool, status: int
) -> None:
    """Factors that are older than the proof of the address may be somebody else's."""
    person, _ = await _with_app(place)
    confirmed_at = place.stand.clock.now if was_confirmed else None
    await place.change_account(person, email_verified_at=confirmed_at)
    new = "quite another horse battery"
    token = await place.link_token(person, LinkKind.PASSWORD_RESET)
    answer = await place.browser().post("/auth/reset-password", json={"token": token, "newPassword": new})
    assert answer.status_code == 200, answer.text
    assert (await person.sign_in(new)).status_code == status
    assert (("SECOND_FACTOR_DISABLED", "HIGH") in await _events(place)) is not was_confirmed


async def test_ended_session_does_nothing(place: Place) -> None:
    person = await _signed_in(place)
    await person.browser.post("/auth/logout")
    for path in ("/auth/totp/enroll", "/auth/recovery-codes", "/auth/passkeys/register/options"):
        assert _error(await person.browser.post(path)) == (401, "TOKEN_REVOKED")


async def test_sessions_from_before_gave_no_second_factor(place: Place) -> None:
    answer = await place.owner.sign_in()
    async with place.reception.tx() as tx:
        session = await tx.session.scalar(select(Session).where(Session.user_id == place.owner.id))
    assert session is not None
    assert (session.second_factor_at, _claims(answer).get("mfa")) == (None, None)
