"""What is true in a report, without any I/O."""
