"""What work reads from its environment."""

from pydantic import field_validator

from chassis.settings import Address, ServiceSettings


class WorkSettings(ServiceSettings):
    """The shared settings and the peers that work asks."""

    identity_grpc: str
    sales_grpc: str

    @field_validator("identity_grpc", "sales_grpc")
    @classmethod
    def _is_peer(cls, value: str) -> str:
        Address.parse(value)
        return value
