"""Invoices, numbers and payments."""
