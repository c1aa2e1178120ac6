"""What a person set for the services, judged by the services' own settings before anything is started."""

import importlib

from chassis.settings import ServiceSettings, load
from chassis.settings import SettingsRefused as ServiceRefused
from local.keys import Keys
from local.ports import CONTEXTS
from local.postgres import Cluster
from local.service_environment import PLATFORM_WIDE, service_environment
from local.settings import Settings, SettingsRefused


def check(settings: Settings, keys: Keys, cluster: Cluster) -> None:
    """SettingsRefused with every bad variable of every service that a person set something of."""
    problems: set[str] = set()
    for context in CONTEXTS:
        prefix = f"{context.upper()}_"
        if not any(name.startswith((prefix, *PLATFORM_WIDE)) for name in settings.overrides):
            continue  # what is made here is right, and the import is not free
        try:
            load(_settings_of(context), prefix, service_environment(context, settings, keys, cluster))
        except ServiceRefused as refused:
            problems.update(str(refused).splitlines())
    if problems:
        raise SettingsRefused("\n".join(sorted(problems)))


def _settings_of(context: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"{context}.settings")
    classes = (found for found in vars(module).values() if isinstance(found, type))
    return next(
        found for found in classes if issubclass(found, ServiceSettings) and found is not ServiceSettings
    )
