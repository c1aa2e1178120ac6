"""Work items that an organisation owes its customers."""
