"""Browser for the app's tests: the system's Chromium, or Playwright's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """Return the path of an installed Chromium, or None."""
    if path := next((path for name in NAMES if (path := shutil.which(name))), None):
        return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install_browser() -> None:
    """Install Chromium if missing: Debian's package where apt-get may run, else Playwright's own."""
    if find_browser() is not None:
        return
    root = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if shutil.which("apt-get") and (not root or shutil.which("sudo")):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run([*root, "apt-get", *arguments], env=environment, check=False, stdout=subprocess.DEVNULL)
    if find_browser() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if find_browser() is None:
        sys.exit(f"The app's tests need a browser and none could be installed: install one of {', '.join(NAMES)}.")
