"""`python -m colorizer`, and the command `colorizer`."""

import sys

from colorizer.programs import run_program


def main() -> int:
    """Run the command line of this process, and return its exit code."""
    return run_program("colorizer", _run)


def _run() -> int:
    # Imported here, so that Ctrl-C in the meantime shows no traceback.
    from colorizer.cli.parser import main
    from colorizer.launcher import end_with_launcher

    end_with_launcher()
    return main()


if __name__ == "__main__":
    sys.exit(main())
