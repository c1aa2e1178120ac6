"""`python -m billing serve|migrate|…`."""

from billing.main import BILLING
from chassis.cli import main

main(BILLING)
