"""`python -m identity`: serve, migrate, seed, rotate-keys, reseal and the other commands of a service."""

from chassis.cli import main
from identity.main import IDENTITY

if __name__ == "__main__":
    main(IDENTITY)
