"""What can be done with notifications and mails."""
