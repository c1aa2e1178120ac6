"""What tests need around a real gateway: an issuer of tokens, services that echo, and Envoy itself."""
