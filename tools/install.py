"""Make .venv from requirements.lock with nothing but a Python: no other network than the package index, no build.

Run by `make install` with the machine's own interpreter, so it imports the standard library only. Whatever index,
mirror and certificates pip is configured for are used for uv too; where uv cannot reach the index, pip installs.
"""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".installed"
PACKAGES = ("libs/*", "services/*", "gateway", "deploy/local")
OLDEST = (3, 11)


def run(*command: str, check: bool = True, environment: dict[str, str] | None = None) -> bool:
    """Run a program in the repository; whether it succeeded, or the end of this one with its code."""
    result = subprocess.run(command, cwd=ROOT, env=os.environ | (environment or {}), check=False)
    if check and result.returncode:
        raise SystemExit(f"install: `{' '.join(command[:6])} …` ended with {result.returncode}")
    return result.returncode == 0


def create_venv() -> None:
    """A virtual environment with pip, kept when it already answers."""
    if PYTHON.exists() and run(str(PYTHON), "-c", "import pip", check=False):
        return
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True, clear=VENV.exists()).create(VENV)
    except (subprocess.CalledProcessError, ImportError):
        raise SystemExit(
            "install: this Python has no `venv` (on Debian: apt-get install python3-venv)"
        ) from None


def pip_setting(name: str) -> str:
    """A setting of pip from its files or environment, or nothing."""
    command = [str(PYTHON), "-m", "pip", "config", "get", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def uv_environment() -> dict[str, str]:
    """The cache of uv inside .venv, and the index and certificates that pip is configured for."""
    wanted = {"UV_CACHE_DIR": str(VENV / ".cache" / "uv"), "UV_NO_PROGRESS": "1"}
    wanted["UV_DEFAULT_INDEX"] = os.environ.get("PIP_INDEX_URL", "") or pip_setting("global.index-url")
    wanted["SSL_CERT_FILE"] = os.environ.get("PIP_CERT", "")
    return {name: value for name, value in wanted.items() if value and name not in os.environ}


def uv_pin(lock: str) -> tuple[str, str]:
    """The version of uv in a lock, and its whole entry with the hashes."""
    pin = re.search(r"^uv==(\S+)(?: \\\n +--hash=\S+)+", lock, flags=re.MULTILINE)
    if pin is None:
        raise SystemExit(f"install: {LOCK.name} does not pin uv")
    return pin[1], pin[0]


def install_uv() -> None:
    """The uv that the lock pins, by pip, checked against its hashes."""
    version, entry = uv_pin(LOCK.read_text())
    found = subprocess.run(
        [PYTHON, "-m", "uv", "--version"], capture_output=True, text=True, check=False
    ).stdout
    if found.split()[1:2] == [version]:
        return
    requirement = VENV / "uv.lock"
    requirement.write_text(entry + "\n")
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir")
    run(*pip, "--require-hashes", "--no-deps", "-r", str(requirement))


def install_locked(environment: dict[str, str]) -> None:
    """Exactly the locked set."""
    uv = (str(PYTHON), "-m", "uv", "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode")
    if run(*uv, "--python", str(PYTHON), LOCK.name, check=False, environment=environment):
        return
    print("install: uv did not succeed, trying again with pip", file=sys.stderr)
    run(
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--no-cache-dir",
        "--no-deps",
        "--require-hashes",
        "-r",
        LOCK.name,
    )


def install_own(environment: dict[str, str]) -> None:
    """Our packages, editable: from here, without network, dependencies or a build environment."""
    projects = sorted(path.parent for pattern in PACKAGES for path in ROOT.glob(f"{pattern}/pyproject.toml"))
    editable = [part for path in projects if (path / "src").is_dir() for part in ("-e", str(path))]
    uv = (
        str(PYTHON),
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--no-build-isolation",
    )
    run(*uv, "--python", str(PYTHON), *editable, environment=environment)


def main() -> None:
    """Install everything, then leave the stamp that `make` compares with the lock."""
    if sys.version_info < OLDEST:
        raise SystemExit(
            f"install: Python 3.11 or newer is needed, this is {sys.version.split()[0]} (PYTHON=… names another)"
        )
    print("installing the locked libraries into .venv (the first time takes a minute)", flush=True)
    create_venv()
    install_uv()
    environment = uv_environment()
    install_locked(environment)
    install_own(environment)
    STAMP.write_text(f"{sys.version}\n")


if __name__ == "__main__":
    main()
