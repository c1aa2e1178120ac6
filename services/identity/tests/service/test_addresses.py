"""Addresses: confirmed by their mailbox, and changed when their mailboxes agree."""

from typing import Any
from uuid import uuid4

import pytest
from services.identity.tests.place import PASSWORD, Person, Place

from chassis.testing.stand import PublishedFact
from identity.domain.mail_links import LinkKind
from identity.domain.members import MemberState
from identity.domain.roles import Role


async def _verify(place: Place, token: str) -> int:
    answer = await place.browser().post("/auth/verify-email", json={"token": token})
    return int(answer.status_code)


async def _change(person: Person, new_email: str, password: str = PASSWORD) -> Any:
    body = {"newEmail": new_email, "password": password}
    return await person.browser.post("/auth/change-email", json=body)


async def _confirm(place: Place) -> None:
    """The owner's present address is known to be theirs."""
    await place.change_account(place.owner, email_verified_at=place.stand.clock.now)


async def _asked(place: Place) -> list[PublishedFact]:
    return await place.facts("email.verification_requested")


def _address() -> str:
    return f"{uuid4().hex}@moved.example"


async def test_a_link_confirms_the_address_once(place: Place) -> None:
    token = await place.link_token(place.owner, LinkKind.EMAIL_VERIFICATION)
    assert [await _verify(place, token) for _ in range(2)] == [200, 404]
    await place.owner.sign_in()
    assert (await place.owner.browser.get("/auth/me")).json()["emailVerified"] is True
    facts = await place.facts("email.verified")
    assert [(fact.message.user_id, fact.version) for fact in facts] == [(str(place.owner.id), 2)]


async def test_a_link_of_another_kind_or_a_forged_one_confirms_nothing(place: Place) -> None:
    reset = await place.link_token(place.owner, LinkKind.PASSWORD_RESET)
    for token in (reset, reset[:-1], "x"):
        assert await _verify(place, token) == 404
    assert await place.facts("email.verified") == []


async def test_the_mail_can_be_had_again_but_not_without_end(place: Place) -> None:
    await place.owner.sign_in()
    statuses = [(await place.owner.browser.post("/auth/resend-verification")).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    facts = await _asked(place)
    assert len(facts) == 5
    assert await _verify(place, place.told_token(facts[0], LinkKind.EMAIL_VERIFICATION)) == 200
    assert await _verify(place, place.told_token(facts[1], LinkKind.EMAIL_VERIFICATION)) == 404
    assert (await place.owner.browser.post("/auth/resend-verification", json={})).status_code == 200
    assert len(await _asked(place)) == 5


async def test_who_is_not_signed_in_names_the_address_and_learns_nothing(place: Place) -> None:
    confirmed, suspended = (
        await place.join(Role.SALES),
        await place.join(Role.OPS, status=MemberState.SUSPENDED),
    )
    await place.change_account(confirmed, email_verified_at=place.stand.clock.now)
    for email in (place.owner.email, confirmed.email, suspended.email, _address()):
        answer = await place.browser().post("/auth/resend-verification", json={"email": email})
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert answer.headers["server-timing"] == "db;desc=1"
    await place.answer_mail_requests()
    (asked,) = await _asked(place)
    assert asked.message.user_id == str(place.owner.id)
    assert await _verify(place, place.told_token(asked, LinkKind.EMAIL_VERIFICATION)) == 200


async def test_who_is_neither_signed_in_nor_names_an_address_is_refused(place: Place) -> None:
    for body in (None, {}, {"email": None}):
        assert (await place.browser().post("/auth/resend-verification", json=body)).status_code == 401


async def test_where_it_is_required_nobody_gets_in_with_an_unconfirmed_address(place: Place) -> None:
    await place.owner.sign_in()
    await place.change_policies(place.owner, require_verified_email=True)
    for answer in (await place.owner.refresh(), await place.owner.sign_in()):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "EMAIL_NOT_VERIFIED")
    assert (await place.owner.sign_in("wrong password")).status_code == 401
    (asked,) = await _asked(place)
    assert await _verify(place, place.told_token(asked, LinkKind.EMAIL_VERIFICATION)) == 200
    assert (await place.owner.refresh()).status_code == 200
    assert (await place.owner.sign_in()).status_code == 200


async def test_who_has_to_confirm_is_not_locked_out_by_trying(place: Place) -> None:
    await place.change_policies(place.owner, require_verified_email=True)
    for _ in range(7):
        assert (await place.owner.sign_in()).status_code == 403
    await _confirm(place)
    assert (await place.owner.sign_in()).status_code == 200


async def test_another_organisations_rule_does_not_keep_anybody_out_of_this_one(place: Place) -> None:
    strict = await place.open()
    await place.change_policies(strict, require_verified_email=True)
    await place.join(Role.SALES, at=strict, email=place.owner.email)
    assert (await place.owner.sign_in(orgSlug=place.owner.slug)).status_code == 200
    answer = await place.owner.browser.post("/auth/switch-org", json={"orgId": str(strict.org_id)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "EMAIL_NOT_VERIFIED")


async def test_an_address_changes_everywhere_when_both_mailboxes_agree(place: Place) -> None:
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    await place.owner.sign_in(orgSlug=place.owner.slug)
    await _confirm(place)
    old, new = place.owner.email, _address()
    assert (await _change(place.owner, new)).json() == {"success": True}
    facts = await _asked(place)
    assert [fact.message.kind for fact in facts] == ["EMAIL_CHANGE"] * 2
    first, other = [place.told_token(fact, LinkKind.EMAIL_CHANGE) for fact in facts]
    assert await _verify(place, first) == 200
    assert (await place.owner.browser.get("/auth/me")).json()["email"] == old
    assert await place.facts("user.updated") == []
    assert await _verify(place, other) == 200
    me = (await place.owner.browser.get("/auth/me")).json()
    assert (me["email"], me["emailVerified"]) == (new, True)
    assert (await place.owner.refresh()).status_code == 200
    for org_id in (place.owner.org_id, second.org_id):
        (fact,) = await place.facts("member.updated", org_id=org_id)
        assert fact.message.member.email == new
    assert [fact.message.user.email for fact in await place.facts("user.updated")] == [new]
    assert (await place.owner.sign_in()).status_code == 401
    place.owner.email = new
    assert (await place.owner.sign_in()).status_code == 200


async def test_the_former_mailbox_is_warned_of_the_change(place: Place) -> None:
    await _confirm(place)
    await place.owner.sign_in()
    former = place.owner.email
    await _change(place.owner, _address())
    for fact in await _asked(place):
        assert "EMAIL_CHANGED" not in dict(await place.security_events())
        await _verify(place, place.told_token(fact, LinkKind.EMAIL_CHANGE))
    assert dict(await place.security_events())["EMAIL_CHANGED"] == "MEDIUM"
    raised = [fact.message for fact in await place.facts("security_event.raised")]
    told = {event.type: (event.user_id, event.former_email) for event in raised}
    assert told["EMAIL_CHANGED"] == (str(place.owner.id), former)


async def test_a_mistyped_address_that_was_never_confirmed_need_not_agree(place: Place) -> None:
    mistyped, new = place.owner.email, _address()
    await place.owner.sign_in()
    await _change(place.owner, new)
    to_the_old, to_the_new = [place.told_token(fact, LinkKind.EMAIL_CHANGE) for fact in await _asked(place)]
    assert await _verify(place, to_the_new) == 200
    me = (await place.owner.browser.get("/auth/me")).json()
    assert (me["email"], me["emailVerified"]) == (new, True)
    assert await _verify(place, to_the_old) == 404
    (event,) = [fact.message for fact in await place.facts("security_event.raised")]
    assert (event.type, event.former_email) == ("EMAIL_CHANGED", mistyped)


async def test_whoever_has_only_the_mistyped_mailbox_changes_nothing(place: Place) -> None:
    await place.owner.sign_in()
    await _change(place.owner, _address())
    assert await _verify(place, place.told_token((await _asked(place))[0], LinkKind.EMAIL_CHANGE)) == 200
    assert await place.facts("user.updated") == []


async def test_an_address_at_which_somebody_is_invited_has_to_agree(place: Place) -> None:
    """Else who signs up with a stranger's address would get the mails of their invitations."""
    await place.owner.sign_in()
    inviting = await place.open()
    await place.join(Role.SALES, at=inviting, email=place.owner.email, status=MemberState.INVITED)
    await _change(place.owner, _address())
    assert await _verify(place, place.told_token((await _asked(place))[1], LinkKind.EMAIL_CHANGE)) == 200
    assert await place.facts("user.updated") == []


async def test_an_address_that_was_confirmed_meanwhile_has_to_agree(place: Place) -> None:
    await place.owner.sign_in()
    await _change(place.owner, _address())
    await _verify(place, await place.link_token(place.owner, LinkKind.EMAIL_VERIFICATION))
    await _verify(place, place.told_token((await _asked(place))[1], LinkKind.EMAIL_CHANGE))
    assert await place.facts("user.updated") == []


async def test_one_mailbox_alone_changes_nothing_however_often(place: Place) -> None:
    await _confirm(place)
    await place.owner.sign_in()
    await _change(place.owner, _address())
    token = place.told_token((await _asked(place))[1], LinkKind.EMAIL_CHANGE)
    assert [await _verify(place, token) for _ in range(2)] == [200, 404]
    assert await place.facts("user.updated") == []
    assert (await place.owner.sign_in()).status_code == 200


async def test_half_an_agreement_does_not_count_for_the_next_change(place: Place) -> None:
    await _confirm(place)
    await place.owner.sign_in()
    await _change(place.owner, _address())
    await _verify(place, place.told_token((await _asked(place))[0], LinkKind.EMAIL_CHANGE))
    await _change(place.owner, _address())
    tokens = [place.told_token(fact, LinkKind.EMAIL_CHANGE) for fact in await _asked(place)]
    assert await _verify(place, tokens[1]) == 404
    assert await _verify(place, tokens[3]) == 200
    assert await place.facts("user.updated") == []


async def test_a_taken_address_is_answered_and_told_like_any_other(place: Place) -> None:
    colleague = await place.join(Role.SALES)
    answers = []
    for email in (_address(), colleague.email):
        person = await place.join(Role.SALES)
        await person.sign_in()
        answers.append(await _change(person, email))
    free, taken = [(each.status_code, each.json(), each.headers["server-timing"]) for each in answers]
    assert taken == free
    assert [fact.message.kind for fact in await _asked(place)] == ["EMAIL_CHANGE"] * 4


async def test_the_present_address_is_no_other_one(place: Place) -> None:
    await place.owner.sign_in()
    answer = await _change(place.owner, place.owner.email)
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "newEmail")
    assert await _asked(place) == []


async def test_an_address_that_somebody_got_meanwhile_is_taken(place: Place) -> None:
    await _confirm(place)
    await place.owner.sign_in()
    new = _address()
    await _change(place.owner, new)
    first, other = [place.told_token(fact, LinkKind.EMAIL_CHANGE) for fact in await _asked(place)]
    await place.join(Role.SALES, email=new)
    assert await _verify(place, first) == 200
    answer = await place.browser().post("/auth/verify-email", json={"token": other})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "EMAIL_TAKEN")


async def test_a_new_password_stops_a_change_that_was_asked_for_under_the_old_one(place: Place) -> None:
    await place.owner.sign_in()
    await _change(place.owner, _address())
    body = {"currentPassword": PASSWORD, "newPassword": "a new horse battery staple"}
    await place.owner.browser.post("/auth/change-password", json=body)
    for fact in await _asked(place):
        assert await _verify(place, place.told_token(fact, LinkKind.EMAIL_CHANGE)) == 404


@pytest.mark.parametrize("password", ["wrong password", ""])
async def test_without_the_password_no_address_changes(place: Place, password: str) -> None:
    await place.owner.sign_in()
    answer = await _change(place.owner, _address(), password)
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "password")
    assert await _asked(place) == []
