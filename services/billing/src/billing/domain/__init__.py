"""What is true of invoices, without any I/O."""
