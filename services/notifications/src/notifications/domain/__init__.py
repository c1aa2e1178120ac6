"""What is true of notifications and mails, without any I/O."""
