"""Installer of the browser for the app's tests, if none is found, and runner of pytest: `python -m tests [ARGUMENTS]`."""

import subprocess
import sys

from tests.browser import install_browser

if __name__ == "__main__":
    install_browser()
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", *sys.argv[1:]]))
