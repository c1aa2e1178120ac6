"""The microservice chassis: what every service needs and no business word."""

import os

# Before gRPC is imported: what it does in a forked child for one that goes on talking gRPC kills every fifth that is
# forked beside a call; ours are other programs.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# And its core writes plain text past the logs, whenever a child is started for one, and the lines
# of a service are JSON.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
