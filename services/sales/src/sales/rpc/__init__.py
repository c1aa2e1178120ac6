"""Doors of sales for other services."""
