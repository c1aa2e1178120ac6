"""One template for every environment: what is committed is valid, a wrong setting is refused before rendering."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from typer.testing import CliRunner

from gateway.__main__ import app
from gateway.envoy import InvalidConfigurationError, command, validate
from gateway.render import render, write
from gateway.routes import OWN_PATHS, PUBLIC_OPERATIONS, path_match
from gateway.settings import environment_names, load

TOKEN = "0" * 64
Tree = dict[str, Any]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "certs").mkdir()
    return tmp_path


def bootstrap(environment: str = "local", **overrides: Any) -> Tree:
    """The rendered configuration as a tree."""
    tree: Tree = yaml.safe_load(render(load(environment, **overrides), Path("/srv/gateway"), TOKEN))
    return tree


def managers(tree: Tree) -> list[Tree]:
    """The connection managers of both listeners."""
    return [
        listener["filter_chains"][0]["filters"][0]["typed_config"]
        for listener in tree["static_resources"]["listeners"]
    ]


@pytest.mark.parametrize("environment", environment_names())
def test_envoy_accepts_every_committed_environment(directory: Path, environment: str) -> None:
    validate(write(load(environment, mounted_at=None, cert_dir=directory / "certs"), directory, TOKEN))


def test_envoy_refuses_what_it_does_not_know(directory: Path) -> None:
    path = write(load("local", cert_dir=directory / "certs"), directory, TOKEN)
    path.write_text(path.read_text().replace("merge_slashes", "merge_slashed"))
    with pytest.raises(InvalidConfigurationError, match="merge_slashed"):
        validate(path)


def test_filters_stand_in_the_order_of_the_design() -> None:
    assert [
        entry["name"].removeprefix("envoy.filters.http.")
        for entry in managers(bootstrap())[0]["http_filters"]
    ] == [
        "security_headers",
        "small_bodies",
        "method_guard",
        "cors",
        "limit_address",
        "own_hosts",
        "api_keys",
        "jwt_authn",
        "limit_caller",
        "body_limit",
        "router",
    ]


def test_every_path_is_matched_by_a_token_rule_and_only_public_ones_need_none() -> None:
    tokens = next(
        entry for entry in managers(bootstrap())[0]["http_filters"] if entry["name"].endswith("jwt_authn")
    )
    rules = tokens["typed_config"]["rules"]
    public = [each.match for each in PUBLIC_OPERATIONS if not each.takes_token]
    assert [rule["match"] for rule in rules if "requires" not in rule] == [
        *public,
        *(path_match(path) for path in OWN_PATHS),
    ]
    assert rules[-1] == {"match": {"prefix": "/"}, "requires": {"provider_name": "identity"}}
    provider = tokens["typed_config"]["providers"]["identity"]
    assert (provider["issuer"], provider["audiences"]) == ("https://localhost:8443", ["execos"])


@pytest.mark.parametrize("environment", environment_names())
def test_admin_listens_on_loopback_only(environment: str) -> None:
    assert bootstrap(environment)["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_names_are_looked_up_and_addresses_are_not() -> None:
    kinds = {
        environment: {
            cluster["name"]: cluster["type"]
            for cluster in bootstrap(environment)["static_resources"]["clusters"]
        }
        for environment in ("local", "compose")
    }
    assert kinds["local"]["sales"] == kinds["local"]["any"] == "STATIC"
    assert kinds["compose"]["sales"] == kinds["compose"]["any"] == "STRICT_DNS"


def test_overload_is_shed_before_memory_ends() -> None:
    manager = bootstrap(max_heap_bytes=128 * 1024 * 1024)["overload_manager"]
    limits = {
        entry["name"].rpartition(".")[2]: entry["typed_config"] for entry in manager["resource_monitors"]
    }
    assert limits["fixed_heap"]["max_heap_size_bytes"] == 134_217_728
    assert limits["global_downstream_max_connections"]["max_active_downstream_connections"] == 10_000
    assert [action["name"].rpartition(".")[2] for action in manager["actions"]] == [
        "shrink_heap",
        "disable_http_keepalive",
        "stop_accepting_requests",
        "stop_accepting_connections",
    ]


@pytest.mark.parametrize("environment", ["compose", "k8s"])
def test_production_is_remembered_as_https_only(environment: str) -> None:
    text = render(load(environment), Path("/srv/gateway"), TOKEN)
    assert "max-age=31536000; includeSubDomains" in text


def test_access_log_can_be_left_out() -> None:
    assert all("access_log" in manager for manager in managers(bootstrap()))
    assert not any("access_log" in manager for manager in managers(bootstrap(access_log=False)))


def test_written_directory_is_complete_and_written_twice_alike(directory: Path) -> None:
    settings = load("local", cert_dir=directory / "certs")
    first = {path: path.read_bytes() for path in _files(write(settings, directory, TOKEN).parent)}
    second = {path: path.read_bytes() for path in _files(write(settings, directory, TOKEN).parent)}
    assert first == second
    assert {str(path.relative_to(directory)) for path in first} == {
        "envoy.yaml",
        "sds/server.json",
        "static/docs.html",
        "static/openapi.json",
    }


def test_mounted_configuration_names_the_paths_that_envoy_sees(directory: Path) -> None:
    text = write(load("k8s"), directory, TOKEN).read_text()
    assert "/etc/execos/gateway/sds/server.json" in text
    assert str(directory) not in text
    secret = json.loads((directory / "sds" / "server.json").read_text())
    certificate = secret["resources"][0]["tls_certificate"]
    assert certificate["certificate_chain"] == {"filename": "/etc/execos/certs/tls.crt"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("https_port", 0),
        ("upstreams", {"identity": ["127.0.0.1", 1]}),
        ("upstreams", {"identity": ["127.0.0.1\n", 1]}),
        ("root_domain", "execos.localhost\nadmin: {}"),
        ("root_domain", "*.localhost"),
        ("cors_origins", ["*"]),
        ("cors_origins", ["http://localhost:3000/"]),
        ("hosts", ['"]']),
        ("key_file", "../server.key"),
        ("rate_multiplier", 0),
        ("trusted_hops", -1),
        ("issuer", ""),
        ("audience", ""),
        ("http_prot", 8080),
    ],
)
def test_wrong_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValidationError, match=setting):
        load("local", **{setting: value})


@pytest.mark.parametrize("token", ["", "0" * 63, "%REQ(x-api-key)%", "0" * 63 + "G"])
def test_without_what_identity_knows_it_by_the_gateway_is_not_configured(
    directory: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        write(load("local"), directory, token)
    monkeypatch.setenv("EXECOS_GATEWAY_TOKEN", token)
    result = CliRunner().invoke(app, ["render", "local", str(directory)])
    assert (result.exit_code, "EXECOS_GATEWAY_TOKEN" in result.output) == (1, True)


def test_the_configuration_with_its_secret_is_for_its_owner_alone(directory: Path) -> None:
    for _ in range(2):
        write(load("local", cert_dir=directory / "certs"), directory, TOKEN)
        path = directory / "envoy.yaml"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each for each in _files(directory) if TOKEN in each.read_text()] == [directory / "envoy.yaml"]


@pytest.mark.parametrize("environment", environment_names())
def test_identity_is_asked_with_a_time_limit_and_without_it_nobody_comes_in(environment: str) -> None:
    filters = {
        each["name"]: each["typed_config"] for each in managers(bootstrap(environment))[0]["http_filters"]
    }
    for asking in (filters["own_hosts"], filters["api_keys"]["extension_config"]["typed_config"]):
        assert asking["failure_mode_allow"] is False
        assert asking["grpc_service"]["timeout"] == "0.5s"


def test_settings_do_not_change_once_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load("local").https_port = 1  # type: ignore[misc]


def test_values_of_a_setting_stay_values_in_the_configuration() -> None:
    issuer = 'https://x", y: {z: "'
    tokens = next(
        entry for entry in managers(bootstrap(issuer=issuer))[0]["http_filters"] if "jwt" in entry["name"]
    )
    assert tokens["typed_config"]["providers"]["identity"]["issuer"] == issuer


def test_binary_of_the_wheel_can_be_started(tmp_path: Path) -> None:
    program = Path(command(tmp_path / "envoy.yaml")[0])
    assert program.stat().st_mode & stat.S_IXUSR


def test_command_line_renders_an_environment_or_a_file_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXECOS_GATEWAY_TOKEN", TOKEN)
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(load("compose").model_dump(mode="json") | {"root_domain": "firm.example"}))
    for environment in ("local", str(own)):
        result = CliRunner().invoke(app, ["render", environment, str(tmp_path / "out")])
        assert (result.exit_code, result.output.strip()) == (0, str(tmp_path / "out" / "envoy.yaml"))
    assert "api.firm.example" in (tmp_path / "out" / "envoy.yaml").read_text()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "unknown environment"), ("https_port: 1\nnonsense: 2\n", "nonsense: Extra inputs")],
)
def test_command_line_names_every_wrong_setting(tmp_path: Path, content: str | None, complaint: str) -> None:
    own = tmp_path / "own.yaml"
    if content is not None:
        own.write_text(content)
    result = CliRunner().invoke(app, ["render", str(own), str(tmp_path)])
    assert result.exit_code == 1
    assert complaint in result.output
    assert "audience" in result.output or content is None


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())
