"""What can be done in sales."""
