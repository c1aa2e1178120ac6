"""Load and cost, always beside a floor of the same run: `python -m bench`."""
