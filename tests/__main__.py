"""`python -m tests` installs the browser of the app's tests where there is none, and runs pytest with its arguments."""

import subprocess
import sys

from tests.browser import install_browser

if __name__ == "__main__":
    install_browser()
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", *sys.argv[1:]]))
