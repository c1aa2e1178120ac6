"""Settings: the environment, `.env`, and `.env.example` as the list of what there is."""

import json
from pathlib import Path

import pytest

from local.keys import Keys
from local.ports import CONTEXTS
from local.postgres import Cluster
from local.service_environment import PEERS, service_environment
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
