"""SQL of sales, and nothing but SQL."""
