"""What a denied call leaves behind; who may call what is `tests/contract/roles_table.py`."""

from services.identity.tests.place import Place

from identity.domain.roles import Role


async def test_denied_call_is_told_once(place: Place) -> None:
    viewer = await place.act(Role.VIEWER)
    for _ in range(3):
        assert (await viewer.browser.get("/users")).status_code == 403
    facts = await place.facts("permission.denied")
    assert [(fact.message.permission, fact.message.role) for fact in facts] == [("users:read", "VIEWER")]
