"""The gateway: renders, validates and documents the Envoy configuration in front of the services."""
