"""SQL of work, nothing but SQL."""
