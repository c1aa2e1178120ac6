"""What is true of organisations and people; no I/O."""
