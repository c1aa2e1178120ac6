"""What a deployment may say about its first owner and the token before that."""

import pytest
from services.identity.tests.unit.test_oidc_settings import ENVIRONMENT

from chassis.settings import SettingsRefused, load
from identity.domain import demo
from identity.settings import IdentitySettings

EMAIL, PASSWORD = "IDENTITY_FIRST_OWNER_EMAIL", "IDENTITY_FIRST_OWNER_PASSWORD"


def _load(**more: str) -> IdentitySettings:
    return load(IdentitySettings, "IDENTITY_", ENVIRONMENT | more)


def test_first_owner_is_read_and_the_password_is_kept():
    settings = _load(**{EMAIL: " Root@Execos.example ", PASSWORD: "a long enough password"})
    assert settings.first_owner_email == "root@execos.example"
    assert "long enough" not in repr(settings)
    assert (_load().first_owner_email, _load().first_owner_password, _load().bootstrap_token) == (None,) * 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({EMAIL: "root"}, EMAIL),
        ({EMAIL: "root@execos.example"}, PASSWORD),
        ({PASSWORD: "a long enough password"}, PASSWORD),
        ({EMAIL: "root@execos.example", PASSWORD: "short"}, PASSWORD),
        ({EMAIL: "root@execos.example", PASSWORD: demo.PLATFORM_PASSWORD}, PASSWORD),
        ({EMAIL: "root@execos.example", PASSWORD: demo.PASSWORD}, PASSWORD),
        ({"IDENTITY_BOOTSTRAP_TOKEN": "b" * 31}, "IDENTITY_BOOTSTRAP_TOKEN"),
    ],
)
def test_what_is_half_weak_or_public_is_refused(given: dict[str, str], said: str):
    with pytest.raises(SettingsRefused, match=said):
        _load(**given)


def test_demo_password_is_for_development():
    more = {EMAIL: "root@execos.example", PASSWORD: demo.PLATFORM_PASSWORD, "EXECOS_ENV": "development"}
    assert _load(**more).first_owner_email == "root@execos.example"
