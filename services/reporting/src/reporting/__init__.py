"""Audit log, health score, dashboard and hygiene: read models, fed by every fact of the platform."""
