""".env.example names every variable that a service reads, and none that nobody reads."""

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / ".env.example"
VARIABLE = re.compile(r"^(?:# ?)?([A-Z][A-Z0-9_]+)=", flags=re.MULTILINE)
# Read by `migrate` alone, so it is no field of the settings of `serve`.
OWNER = "OWNER_DATABASE_URL"


def variables_of(service: str, module: ModuleType) -> set[str]:
    """The environment variables of a service's settings classes."""
    classes = [
        found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, BaseSettings) and found.__module__ == module.__name__
    ]
    prefix = f"{service.upper()}_"
    names = {prefix + OWNER}
    for settings in classes:
        for name, field in settings.model_fields.items():
            alias = field.validation_alias
            names.add(alias if isinstance(alias, str) else prefix + name.upper())
    return names


def problems(example: str, expected: dict[str, set[str]]) -> list[str]:
    """What the example lacks, and what it names although the service does not read it."""
    named = set(VARIABLE.findall(example))
    read = set().union(*expected.values())
    found = [f".env.example lacks {name}" for name in sorted(read - named)]
    prefixes = tuple(f"{service.upper()}_" for service in expected)
    unread = {name for name in named - read if name.startswith(prefixes)}
    return found + [f".env.example names {name}, which nobody reads" for name in sorted(unread)]


def main() -> int:
    """Compare the example with the settings of every service that has some."""
    services = sorted(path.parent.name for path in ROOT.glob("services/*/src/*/settings.py"))
    expected = {
        service: variables_of(service, importlib.import_module(f"{service}.settings")) for service in services
    }
    if not expected:
        return 0
    found = problems(EXAMPLE.read_text() if EXAMPLE.exists() else "", expected)
    print("\n".join(found) or ".env.example is complete")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
