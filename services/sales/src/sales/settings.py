"""Settings of sales, from SALES_* variables."""

from chassis.settings import HostPort, ServiceSettings


class SalesSettings(ServiceSettings):
    """What every service needs, and where identity answers."""

    identity_grpc: HostPort
