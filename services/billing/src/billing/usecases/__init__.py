"""What can be done with invoices."""
