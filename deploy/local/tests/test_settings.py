"""Settings: the environment, `.env`, and `.env.example` as the list of what there is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from local import overrides
from local.keys import Keys
from local.ports import CONTEXTS
from local.postgres import Cluster
from local.service_environment import PEERS, migration_environment, service_environment
from local.settings import REPOSITORY, Settings, SettingsRefused, documented, load


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".env.example").write_text((REPOSITORY / ".env.example").read_text())
    return tmp_path


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in documented(REPOSITORY / ".env.example"):
        monkeypatch.delenv(name, raising=False)


def test_without_any_setting_the_documented_defaults_hold(repository: Path) -> None:
    settings = load(repository=repository)
    assert settings.data_directory == (repository / ".data").resolve()
    assert settings.public_url == "https://localhost:8443"
    assert (settings.environment, settings.profile, settings.seeds) == ("development", "default", True)


def test_the_environment_wins_over_the_file_and_the_option_over_both(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".env").write_text(
        "EXECOS_PORT_OFFSET=100\nSALES_LOG_LEVEL='debug'\nEXECOS_PROFILE=default\n"
    )
    monkeypatch.setenv("EXECOS_PORT_OFFSET", "200")
    settings = load(profile="test", repository=repository)
    assert (settings.ports.offset, settings.profile) == (200, "test")
    assert settings.overrides == {"SALES_LOG_LEVEL": "debug"}


def test_every_bad_variable_is_named_at_once(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / ".env").write_text("SALES_COLOUR=red\nnonsense\n")
    monkeypatch.setenv("EXECOS_PORT_OFFSET", "many")
    monkeypatch.setenv("EXECOS_SEED", "maybe")
    with pytest.raises(SettingsRefused) as refused:
        load(repository=repository)
    for name in ("SALES_COLOUR", ".env line 2", "EXECOS_PORT_OFFSET", "EXECOS_SEED"):
        assert name in str(refused.value)


def test_a_variable_of_somebodys_shell_reaches_no_service(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORK_DIR", "/somewhere")
    assert load(repository=repository).overrides == {}


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_service_is_given_only_variables_of_the_example(context: str, tmp_path: Path) -> None:
    """Services refuse unknown names, and `make check` holds the example equal to their settings."""
    keys = Keys(tmp_path)
    cluster = Cluster(tmp_path / "pg", 5, keys.postgres)
    environment = service_environment(context, Settings(data_directory=tmp_path), keys, cluster)
    given = {name for name in environment if name.startswith((f"{context.upper()}_", "EXECOS_"))}
    assert given <= set(documented(REPOSITORY / ".env.example"))


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_service_gets_its_contract_and_what_the_person_chose(context: str, tmp_path: Path) -> None:
    chosen = {f"{context.upper()}_LOG_LEVEL": "debug", "OTHER_LOG_LEVEL": "error"}
    settings = Settings(data_directory=tmp_path, overrides=chosen)
    keys = Keys(tmp_path)
    environment = service_environment(context, settings, keys, Cluster(tmp_path / "pg", 5, keys.postgres))
    own = {
        name.removeprefix(f"{context.upper()}_") for name in environment if name.startswith(context.upper())
    }
    assert own >= {
        "DATABASE_URL",
        "SYSTEM_DATABASE_URL",
        "NATS_URL",
        "HTTP_ADDRESS",
        "GRPC_ADDRESS",
        "JWKS_URL",
    }
    assert own >= {f"{peer.upper()}_GRPC" for peer in PEERS[context]}
    assert "OWNER_DATABASE_URL" not in own
    assert environment[f"{context.upper()}_LOG_LEVEL"] == "debug"
    assert "OTHER_LOG_LEVEL" not in environment
    assert len(environment[f"{context.upper()}_SERVICE_SECRET"]) >= 32
    json.dumps(environment)


def test_a_secret_may_come_from_a_file(repository: Path, tmp_path: Path) -> None:
    (repository / ".env").write_text("SALES_SERVICE_SECRET_FILE=/run/secrets/sales\n")
    settings = load(repository=repository)
    keys = Keys(tmp_path)
    cluster = Cluster(tmp_path / "pg", 5, keys.postgres)
    environment = service_environment("sales", settings, keys, cluster)
    assert environment["SALES_SERVICE_SECRET_FILE"] == "/run/secrets/sales"
    assert "SALES_SERVICE_SECRET" not in environment
    owner = replace(settings, overrides={"SALES_OWNER_DATABASE_URL_FILE": "/run/secrets/owner"})
    assert "SALES_OWNER_DATABASE_URL_FILE" not in service_environment("sales", owner, keys, cluster)
    migrating = migration_environment(("sales",), owner, keys, cluster)
    assert migrating["SALES_OWNER_DATABASE_URL_FILE"] == "/run/secrets/owner"
    assert "SALES_OWNER_DATABASE_URL" not in migrating


def test_what_a_person_set_for_several_services_is_refused_in_one_message(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    cluster = Cluster(tmp_path / "pg", 5, keys.postgres)
    chosen = {"SALES_LOG_LEVEL": "loud", "WORK_SALES_GRPC": "nowhere", "BILLING_LOG_LEVEL": "debug"}
    with pytest.raises(SettingsRefused) as refused:
        overrides.check(Settings(data_directory=tmp_path, overrides=chosen), keys, cluster)
    named = [line.partition(":")[0] for line in str(refused.value).splitlines()]
    assert named == ["SALES_LOG_LEVEL", "WORK_SALES_GRPC"]
    overrides.check(Settings(data_directory=tmp_path), keys, cluster)
