"""SQL of billing, nothing but SQL."""
