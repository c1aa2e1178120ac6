"""Hand-written clients of each service, with a fake beside each that one contract suite holds to the real one."""
