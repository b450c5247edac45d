"""`python -m colorizer`, and the command `colorizer`."""

import sys

from colorizer.programs import INTERRUPTED


def main() -> int:
    """Run the command line of this process, and return its exit code."""
    try:
        # Imported here, so that Ctrl-C in the meantime shows no traceback.
        from colorizer.cli.parser import main as run
        from colorizer.launcher import end_with_launcher

        end_with_launcher()
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
