"""The sample service's command line."""

from chassis.cli import main
from sample.notes import NOTES

if __name__ == "__main__":
    main(NOTES)
