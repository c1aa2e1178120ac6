"""Mails as they leave the house: texts, templates, messages."""
