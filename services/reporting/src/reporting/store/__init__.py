"""SQL of reporting, nothing but SQL."""
