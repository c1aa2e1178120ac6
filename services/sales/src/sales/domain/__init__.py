"""What is true in sales, without I/O."""
