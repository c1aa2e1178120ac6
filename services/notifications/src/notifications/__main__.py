"""`python -m notifications`: serve, migrate and the other commands of a service."""

from chassis.cli import main
from notifications.main import NOTIFICATIONS

if __name__ == "__main__":
    main(NOTIFICATIONS)
