"""What tests of services share: a database per worker, a signed-in client, published facts, a clock."""
