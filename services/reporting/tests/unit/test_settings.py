"""The environment of the service."""

import pytest

from chassis.settings import SettingsRefused, load
from reporting.settings import ReportingSettings

PEERS = {
    f"REPORTING_{name}_GRPC": "127.0.0.1:1"
    for name in ("IDENTITY", "SALES", "WORK", "BILLING", "NOTIFICATIONS")
}
ENVIRONMENT = PEERS | {
    "EXECOS_ENV": "development",
    "REPORTING_DATABASE_URL": "postgresql://reporting_app@127.0.0.1/reporting",
    "REPORTING_SYSTEM_DATABASE_URL": "postgresql://reporting_system@127.0.0.1/reporting",
    "REPORTING_NATS_URL": "nats://127.0.0.1:1",
    "REPORTING_HTTP_ADDRESS": "127.0.0.1:1",
    "REPORTING_GRPC_ADDRESS": "127.0.0.1:2",
    "REPORTING_METRICS_ADDRESS": "127.0.0.1:3",
    "REPORTING_JWKS_URL": "http://127.0.0.1:1/jwks",
    "REPORTING_TOKEN_ISSUER": "https://execos.test",
    "REPORTING_SERVICE_SECRET": "s" * 32,
    "REPORTING_PUBLIC_BASE_URL": "https://execos.test",
}


def refusals(**changes: str) -> str:
    """What is said of an environment with these changes."""
    with pytest.raises(SettingsRefused) as refused:
        load(ReportingSettings, "REPORTING_", ENVIRONMENT | changes)
    return str(refused.value)


def test_development_needs_no_key() -> None:
    assert load(ReportingSettings, "REPORTING_", ENVIRONMENT).audit_key is None


def test_production_needs_a_key_to_seal_the_audit_log() -> None:
    assert refusals(EXECOS_ENV="production") == "REPORTING_AUDIT_KEY: required in production"


def test_everything_wrong_is_named() -> None:
    said = refusals(REPORTING_AUDIT_KEY="short", REPORTING_WORK_GRPC="nowhere", REPORTING_COLOUR="red")
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "REPORTING_AUDIT_KEY",
        "REPORTING_COLOUR",
        "REPORTING_WORK_GRPC",
    ]
