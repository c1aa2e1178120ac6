"""The guards of the frame speak when they should: lock, settings example, import contracts, ruff."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings

from tools import env_example, install, lock

ROOT = Path(__file__).resolve().parents[2]
PROJECT = '[project]\nname = "execos-sales"\ndependencies = ["fastapi>=0.163"]\n'
PIN = "fastapi==0.165.0 \\\n    --hash=sha256:00\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "services" / "sales").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[dependency-groups]\ndev = ["ruff"]\n')
    (tmp_path / "services" / "sales" / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.lock").write_text(f"{lock.DIGEST}{lock.digest(tmp_path)}\n{PIN}")
    return tmp_path


def test_fitting_lock_passes(repository: Path) -> None:
    assert lock.problems(repository) == []


def test_missing_lock_is_named(repository: Path) -> None:
    (repository / "requirements.lock").unlink()
    assert "missing" in lock.problems(repository)[0]


def test_new_dependency_makes_the_lock_stale(repository: Path) -> None:
    project = repository / "services" / "sales" / "pyproject.toml"
    project.write_text(PROJECT.replace("fastapi", "starlette"))
    assert "does not fit" in lock.problems(repository)[0]


def test_new_developers_tool_makes_the_lock_stale(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[dependency-groups]\ndev = ["ruff", "mypy"]\n')
    assert "does not fit" in lock.problems(repository)[0]


def test_settings_of_tools_leave_the_lock_alone(repository: Path) -> None:
    with (repository / "pyproject.toml").open("a") as project:
        project.write("[tool.ruff]\nline-length = 110\n")
    assert lock.problems(repository) == []


@pytest.mark.parametrize(
    "line", ["--index-url https://example.org/simple", "-e ./libs/chassis", "a @ file:///tmp/a"]
)
def test_address_in_the_lock_is_refused(repository: Path, line: str) -> None:
    with (repository / "requirements.lock").open("a") as text:
        text.write(f"{line}\n")
    assert any("address" in problem for problem in lock.problems(repository))


def test_pin_without_a_hash_is_refused(repository: Path) -> None:
    with (repository / "requirements.lock").open("a") as text:
        text.write("ruff==0.17.5\n")
    assert lock.problems(repository) == ["requirements.lock pins ruff without a hash"]


class Settings(BaseSettings):
    """As a service declares them."""

    nats_url: str
    environment: str = Field("production", validation_alias="EXECOS_ENV")


def settings_module() -> ModuleType:
    module = ModuleType(Settings.__module__)
    module.Settings = Settings  # type: ignore[attr-defined]  # a module made for this test
    return module


EXAMPLE = "EXECOS_ENV=development\nSALES_NATS_URL=nats://127.0.0.1:14222\n# SALES_OWNER_DATABASE_URL=postgresql://…\n"


def test_variables_come_from_the_settings_classes() -> None:
    expected = {"EXECOS_ENV", "SALES_NATS_URL", "SALES_OWNER_DATABASE_URL"}
    assert env_example.variables_of("sales", settings_module()) == expected


def test_complete_example_passes() -> None:
    assert (
        env_example.problems(EXAMPLE, {"sales": env_example.variables_of("sales", settings_module())}) == []
    )


def test_missing_and_unread_variables_are_named() -> None:
    example = EXAMPLE.replace("SALES_NATS_URL", "SALES_NATS_ADDRESS")
    assert env_example.problems(example, {"sales": env_example.variables_of("sales", settings_module())}) == [
        ".env.example lacks SALES_NATS_URL",
        ".env.example names SALES_NATS_ADDRESS, which nobody reads",
    ]


FORBIDDEN_IMPORTS = {
    "A service is built in layers": ("sales/domain/leads.py", "import sales.store.leads"),
    "Services are strangers to each other": ("sales/main.py", "import work"),
    "The chassis knows no service, no client, no gateway": ("chassis/tx.py", "import billing"),
    "Clients know the contracts, never a service": ("clients/sales.py", "import sales"),
    "Services know nothing of where they run": ("work/main.py", "import gateway"),
    "The domain does no I/O": ("billing/domain.py", "import httpx2"),
    "No network inside a transaction": ("billing/usecases/invoices.py", "import clients"),
}


def contracts_in(folder: Path, violation: tuple[str, str] | None) -> str:
    """What import-linter says, with our contracts, about packages that are empty but for one import."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for package in content["tool"]["importlinter"]["root_packages"]:
        for layer in ("", "domain", "store", "usecases"):
            if not (violation and violation[0] == f"{package}/{layer}.py"):
                (folder / package / layer).mkdir(parents=True, exist_ok=True)
                (folder / package / layer / "__init__.py").touch()
    (folder / "sales" / "store" / "leads.py").touch()
    if violation:
        (folder / violation[0]).write_text(violation[1])
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [
        str(Path(sys.executable).parent / "lint-imports"),
        "--config",
        str(ROOT / "pyproject.toml"),
        "--no-cache",
    ]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    ).stdout


def test_clean_packages_keep_every_contract(tmp_path: Path) -> None:
    assert "0 broken" in contracts_in(tmp_path, None)


@pytest.mark.parametrize("contract", FORBIDDEN_IMPORTS)
def test_forbidden_import_breaks_its_contract(tmp_path: Path, contract: str) -> None:
    said = contracts_in(tmp_path, FORBIDDEN_IMPORTS[contract])
    assert re.search(re.escape(contract) + r".* BROKEN", said)


RUFF_SAYS = {
    "T201": "print('hello')\n",
    "PGH004": "x = 1  # noq" + "a\n",
    "PGH003": "x: int = 'a'  # type: ignor" + "e\n",
    "DTZ005": "from datetime import datetime\n\nnow = datetime.now()\n",
    "BLE001": "try:\n    pass\nexcept Exception:\n    x = 1\n",
    "FBT001": "def win(notify: bool) -> None:\n    del notify\n",
    "RUF100": "x = 1  # noqa: E731 - a reason\n",
}


@pytest.mark.parametrize("code", RUFF_SAYS)
def test_ruff_speaks_about_code_that_ships(code: str) -> None:
    path = "services/sales/src/sales/usecases/leads.py"
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--output-format",
        "concise",
        "--stdin-filename",
        path,
        "-",
    ]
    result = subprocess.run(
        command,
        cwd=ROOT,
        input=f'"""Leads."""\n\n{RUFF_SAYS[code]}',
        capture_output=True,
        text=True,
        check=False,
    )
    assert code in result.stdout


def test_uv_is_taken_from_the_lock_with_all_its_hashes() -> None:
    pin = install.uv_pin(
        "uvicorn==1 \\\n    --hash=sha256:00\nuv==0.13.8 \\\n    --hash=sha256:01 \\\n    --hash=sha256:02\nx==1\n"
    )
    assert pin == ("0.13.8", "uv==0.13.8 \\\n    --hash=sha256:01 \\\n    --hash=sha256:02")


def test_a_lock_without_uv_is_refused() -> None:
    with pytest.raises(SystemExit, match="does not pin uv"):
        install.uv_pin(PIN)


def test_the_committed_lock_pins_uv() -> None:
    assert install.uv_pin((ROOT / "requirements.lock").read_text())[0]


def test_python_that_is_too_old_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "OLDEST", (99, 0))
    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer is needed"):
        install.main()
