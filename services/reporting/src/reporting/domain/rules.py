"""What an organisation demands at the doors, as JSON in its read model and back."""

from collections.abc import Mapping
from typing import Any

import orjson

from chassis.tenants import Rules


def stored(rules: Rules) -> str:
    """Rules as the text of their JSON."""
    values = {
        "version": rules.version,
        "is_open": rules.is_open,
        "modules": sorted(rules.modules),
        "features": sorted(rules.features),
        "networks": None if rules.networks is None else list(rules.networks),
        "strong_permissions": None if rules.strong_permissions is None else sorted(rules.strong_permissions),
    }
    return orjson.dumps(values).decode()


def restored(kept: Mapping[str, Any]) -> Rules:
    """Rules from that JSON."""
    networks, strong = kept["networks"], kept["strong_permissions"]
    return Rules(
        version=kept["version"],
        is_open=kept["is_open"],
        modules=frozenset(kept["modules"]),
        features=frozenset(kept["features"]),
        networks=None if networks is None else tuple(networks),
        strong_permissions=None if strong is None else frozenset(strong),
    )
