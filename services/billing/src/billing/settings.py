"""Settings of billing."""

from pydantic import field_validator

from chassis.settings import Address, ServiceSettings


class BillingSettings(ServiceSettings):
    """What billing needs besides what every service needs: where its peers are."""

    identity_grpc: str
    sales_grpc: str

    @field_validator("identity_grpc", "sales_grpc")
    @classmethod
    def _is_peer(cls, value: str) -> str:
        Address.parse(value)
        return value
