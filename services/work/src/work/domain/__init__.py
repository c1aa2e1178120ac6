"""What is true of work, without any I/O."""
