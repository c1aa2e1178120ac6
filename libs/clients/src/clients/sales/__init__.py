"""Sales for other services: its client, its fake, and how to keep copies of what it owns."""
