"""`python -m work`: serve, migrate and the other commands of a service."""

from chassis.cli import main
from work.main import WORK

if __name__ == "__main__":
    main(WORK)
