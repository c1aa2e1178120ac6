"""Migrates several services in one process, one after the other: `python -m local.migrate identity sales …`.

Importing the libraries once for all takes a third of the time of six processes.
"""

import runpy
import sys


def main(contexts: list[str]) -> None:
    """Run each service's own `migrate` command; SystemExit at the first that fails."""
    for context in contexts:
        sys.argv = [context, "migrate"]
        try:
            runpy.run_module(context, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            if ended.code not in (0, None):
                raise


if __name__ == "__main__":
    main(sys.argv[1:])
