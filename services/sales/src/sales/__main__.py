"""`python -m sales`: serve, migrate and the other commands of a service."""

from chassis.cli import main
from sales.main import SALES

if __name__ == "__main__":
    main(SALES)
