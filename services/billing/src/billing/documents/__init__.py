"""The invoice as its buyer sees it."""
