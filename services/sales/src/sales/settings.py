"""Settings of sales, from SALES_* variables."""

from pydantic import field_validator

from chassis.settings import Address, ServiceSettings


class SalesSettings(ServiceSettings):
    """What every service needs, and where identity answers."""

    identity_grpc: str

    @field_validator("identity_grpc")
    @classmethod
    def _is_peer_address(cls, value: str) -> str:
        Address.parse(value)
        return value
