"""The command line: render an environment, validate all of them, merge the OpenAPI documents."""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from gateway.envoy import InvalidConfigurationError
from gateway.envoy import validate as validate_with_envoy
from gateway.openapi import DocumentConflictError, merge, read_documents, to_text
from gateway.render import write
from gateway.settings import environment_names, load

_TOKEN_VARIABLE: Final = "EXECOS_GATEWAY_TOKEN"
"""What `python -m identity gateway-token` prints."""
_REPOSITORY: Final = Path(__file__).parents[3]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def render(environment: str, directory: Path) -> None:
    """Write the configuration of ENVIRONMENT (a name, or a YAML file) into DIRECTORY."""
    try:
        settings = load(environment)
    except FileNotFoundError:
        raise SystemExit(
            f"unknown environment {environment}; there are {', '.join(environment_names())}"
        ) from None
    except ValidationError as error:
        raise SystemExit(_every_problem(environment, error)) from None
    try:
        print(write(settings, directory, os.environ.get(_TOKEN_VARIABLE, "")))
    except ValueError as error:
        raise SystemExit(f"{_TOKEN_VARIABLE}: {error}") from None


@app.command()
def validate() -> None:
    """Render every committed environment and let Envoy itself check each."""
    failures = 0
    for name in environment_names():
        try:
            _validate_one(name)
        except (InvalidConfigurationError, ValidationError, OSError) as error:
            failures += 1
            print(f"{name}: {error}")
        else:
            print(f"{name}: valid")
    if failures:
        raise SystemExit(1)


def _validate_one(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        certificates = directory / "certs"
        certificates.mkdir()
        # The paths of the real place do not exist here; everything else is as it will run.
        settings = load(name, mounted_at=None, cert_dir=certificates)
        validate_with_envoy(write(settings, directory, identity_token="0" * 64))


@app.command()
def openapi(
    *, check: Annotated[bool, typer.Option("--check", help="Only say whether it would change.")] = False
) -> None:
    """Merge services/*/openapi.json into gateway/openapi.json."""
    target = _REPOSITORY / "gateway" / "openapi.json"
    try:
        text = to_text(merge(read_documents(_REPOSITORY / "services")))
    except DocumentConflictError as error:
        raise SystemExit(f"The documents do not fit together:\n{error}") from None
    is_current = target.exists() and target.read_text() == text
    if check and not is_current:
        raise SystemExit("gateway/openapi.json is not what the services' documents make: run `make openapi`")
    if not is_current:
        target.write_text(text)
    print(f"{target.relative_to(_REPOSITORY)}: {len(json.loads(text)['paths'])} paths")


def _every_problem(environment: str, error: ValidationError) -> str:
    problems = (
        f"{'.'.join(map(str, problem['loc'])) or 'settings'}: {problem['msg']}" for problem in error.errors()
    )
    return f"{environment} is not valid: " + "; ".join(problems)


if __name__ == "__main__":
    app()
