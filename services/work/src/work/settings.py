"""What work reads from its environment."""

from chassis.settings import HostPort, ServiceSettings


class WorkSettings(ServiceSettings):
    """The shared settings and the peers that work asks."""

    identity_grpc: HostPort
    sales_grpc: HostPort
