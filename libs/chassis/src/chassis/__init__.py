"""The microservice chassis: what every service needs and no business word."""

import os

# Before gRPC is imported: its core writes plain text past the logs, whenever a child is started for one, and the lines
# of a service are JSON.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
