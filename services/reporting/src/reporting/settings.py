"""What reporting reads from its environment."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from chassis.settings import HostPort, ServiceSettings


class ReportingSettings(ServiceSettings):
    """The shared settings, the services whose jobs are shown, and the key that seals the audit log."""

    identity_grpc: HostPort
    sales_grpc: HostPort
    work_grpc: HostPort
    billing_grpc: HostPort
    notifications_grpc: HostPort
    audit_key: SecretStr | None = Field(
        None, min_length=32, validate_default=True, description="signs the seals of the audit log"
    )

    @field_validator("audit_key")
    @classmethod
    def _is_there_in_production(cls, value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if value is None and others.data.get("environment") == "production":
            raise ValueError("required in production")
        return value
