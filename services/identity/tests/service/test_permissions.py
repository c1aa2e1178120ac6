"""Every door and every role: who gets in is the first release's table."""

from typing import Any

import pytest
from services.identity.tests.place import Place

from identity.domain.roles import Role

# O owner and admin · W owner · C ceo · D director · M sales_manager · S sales · P ops · F finance · V viewer
# K cashier
DOORS = {
    ("GET", "/auth/me"): "O C D M S P F V K",
    ("PATCH", "/auth/me"): "O C D M S P F V K",
    ("POST", "/auth/switch-org"): "O C D M S P F V K",
    ("POST", "/auth/change-password"): "O C D M S P F V K",
    ("POST", "/auth/change-email"): "O C D M S P F V K",
    ("POST", "/auth/resend-verification"): "O C D M S P F V K",
    ("GET", "/auth/sessions"): "O C D M S P F V K",
    ("DELETE", "/auth/sessions"): "O C D M S P F V K",
    ("DELETE", "/auth/sessions/{session_id}"): "O C D M S P F V K",
    ("GET", "/permissions"): "O C D M S P F V K",
    ("GET", "/users"): "O C D",
    ("GET", "/users/{user_id}"): "O C D",
    ("GET", "/org/members"): "O C D",
    ("GET", "/directory/users"): "O C D M P",
    ("POST", "/users"): "O C",
    ("PATCH", "/users/{user_id}"): "O C",
    ("POST", "/users/{user_id}/deactivate"): "O C",
    ("POST", "/users/{user_id}/reactivate"): "O C",
    ("POST", "/users/{user_id}/roles"): "O C",
    ("PATCH", "/org/members/{user_id}"): "O C",
    ("DELETE", "/org/members/{user_id}"): "O C",
    ("POST", "/org/transfer-ownership"): "W",
    ("POST", "/org/invite"): "O C",
    ("GET", "/org/invitations"): "O C D",
    ("GET", "/org/invitations/{invitation_id}"): "O C D",
    ("POST", "/org/invitations/{invitation_id}/resend"): "O C",
    ("DELETE", "/org/invitations/{invitation_id}"): "O C",
    ("GET", "/roles"): "O C",
    ("POST", "/roles"): "O",
    ("GET", "/roles/{role_id}"): "O C",
    ("PATCH", "/roles/{role_id}"): "O",
    ("DELETE", "/roles/{role_id}"): "O",
    ("GET", "/roles/{key}/overrides"): "O C",
    ("PUT", "/roles/{key}/overrides"): "O",
    ("GET", "/authz/explain"): "O C",
    ("GET", "/org/usage"): "O C",
    ("GET", "/settings/modules"): "O C",
    ("PATCH", "/settings/modules/{code}"): "O C",
    ("DELETE", "/settings/modules/{code}"): "O C",
    ("PATCH", "/settings/features/{code}"): "O C",
    ("DELETE", "/settings/features/{code}"): "O C",
    ("GET", "/settings/preferences"): "O C D M S P F V K",
    ("PUT", "/settings/preferences"): "O C D M S P F V K",
    ("GET", "/settings/policies"): "O C",
    ("PUT", "/settings/policies"): "O C",
    ("GET", "/org"): "O C",
    ("PATCH", "/org"): "O C",
    ("PUT", "/org/legal"): "O C",
    ("POST", "/orgs"): "O C D M S P F V",
}
PUBLIC = {
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("GET", "/auth/invitations/{token}"),
    ("POST", "/auth/invitations/{token}/accept"),
    *(("POST", f"/auth/{name}") for name in ("signup", "forgot-password", "reset-password", "verify-email")),
}
LETTERS = {
    "OWNER": "O W", "ADMIN": "O", "CEO": "C", "DIRECTOR": "D", "SALES_MANAGER": "M", "SALES": "S", "OPS": "P",
    "FINANCE": "F", "VIEWER": "V", "CASHIER": "K",
}  # fmt: skip


def _operations(place: Place) -> set[tuple[str, str]]:
    paths: dict[str, Any] = place.stand.app.openapi()["paths"]
    return {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/api/v1")
    }


async def test_table_covers_every_door(place: Place) -> None:
    of_tenants = {door for door in _operations(place) if not door[1].startswith("/platform/")}
    assert of_tenants == DOORS.keys() | PUBLIC


@pytest.mark.parametrize("role", list(Role))
async def test_role_gets_through_its_doors_and_no_other(place: Place, role: Role) -> None:
    person, other = await place.act(role), await place.join(Role.SALES)
    for (method, path), letters in DOORS.items():
        ids = dict.fromkeys(("user_id", "invitation_id", "role_id", "session_id"), str(other.id))
        ids |= {"key": "CASHIER", "code": "no-such-code"}
        body: dict[str, Any] | None = None if method in {"GET", "DELETE"} else {}
        answer = await person.browser.request(method, path.format(**ids), json=body)
        is_refused = answer.status_code == 403
        is_allowed = not set(LETTERS[role].split()).isdisjoint(letters.split())
        assert is_refused is not is_allowed, (method, path, answer.text)


async def test_denied_call_is_told_once(place: Place) -> None:
    viewer = await place.act(Role.VIEWER)
    for _ in range(3):
        assert (await viewer.browser.get("/users")).status_code == 403
    facts = await place.facts("permission.denied")
    assert [(fact.message.permission, fact.message.role) for fact in facts] == [("users:read", "VIEWER")]
