"""What is done to many rows at once leaves room for everybody else."""

LARGE = 1000
"""Rows from which on the facts of one command let those of everybody else go first (docs/decisions/0026)."""
AT_A_TIME = 50
"""Rows between which whoever else wants to is served."""
