"""Doors of sales for people."""
