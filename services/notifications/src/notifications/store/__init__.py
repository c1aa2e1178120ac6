"""SQL of notifications, nothing but SQL."""
