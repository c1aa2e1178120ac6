"""Settings of billing."""

from chassis.settings import HostPort, ServiceSettings


class BillingSettings(ServiceSettings):
    """What billing needs besides what every service needs: where its peers are."""

    identity_grpc: HostPort
    sales_grpc: HostPort
