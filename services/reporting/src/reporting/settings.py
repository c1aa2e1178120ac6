"""What reporting reads from its environment."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from chassis.settings import Address, ServiceSettings


class ReportingSettings(ServiceSettings):
    """The shared settings, the services whose jobs are shown, and the key that seals the audit log."""

    identity_grpc: str
    sales_grpc: str
    work_grpc: str
    billing_grpc: str
    notifications_grpc: str
    audit_key: SecretStr | None = Field(
        None, min_length=32, validate_default=True, description="signs the seals of the audit log"
    )

    @field_validator("identity_grpc", "sales_grpc", "work_grpc", "billing_grpc", "notifications_grpc")
    @classmethod
    def _is_peer(cls, value: str) -> str:
        Address.parse(value)
        return value

    @field_validator("audit_key")
    @classmethod
    def _is_there_in_production(cls, value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if value is None and others.data.get("environment") == "production":
            raise ValueError("required in production")
        return value
