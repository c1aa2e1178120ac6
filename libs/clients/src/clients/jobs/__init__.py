"""The jobs of all services, for whoever shows and starts them."""
