"""`python -m colorizer`."""

import sys

from colorizer.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
