"""Organisations, users, memberships, sessions, keys and policies."""
