"""Doors for services."""
