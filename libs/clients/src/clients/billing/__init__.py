"""Billing for other services: its client, its fake, and what it tells."""
