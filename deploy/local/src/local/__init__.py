"""The embedded stack: PostgreSQL, NATS, Envoy, the mail catcher and the six services under one supervisor."""
