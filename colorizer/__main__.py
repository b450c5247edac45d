"""`python -m colorizer`."""

import sys

from colorizer.cli.parser import main
from colorizer.launcher import end_with_launcher

if __name__ == "__main__":
    end_with_launcher()
    sys.exit(main())
