"""`python -m reporting`: serve, migrate, rebuild and the other commands of a service."""

from chassis.cli import main
from reporting.main import REPORTING

if __name__ == "__main__":
    main(REPORTING)
