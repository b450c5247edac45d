"""Environment of all tests: the only network is a small Hub on the loopback interface, offline unless a test starts it.

`huggingface_hub` reads its environment once, at import, so the environment is set first. Subprocesses of a test inherit it.
"""

import atexit
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import find_browser
from tests.hub_server import HubServer

if "huggingface_hub" in sys.modules:
    raise RuntimeError("huggingface_hub is imported before tests/conftest.py could point it to the loopback Hub")

HUB = HubServer()
HF_HOME = tempfile.mkdtemp(prefix="colorizer-tests-")
atexit.register(shutil.rmtree, HF_HOME, ignore_errors=True)
if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests run in parallel, on one core each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING_FACE_", "HUGGINGFACE_", "TRANSFORMERS_"))]:
    del os.environ[name]
os.environ |= {
    "HF_ENDPOINT": HUB.url,
    "HF_HOME": HF_HOME,
    "HF_HUB_DISABLE_XET": "1",  # the test Hub doesn't implement its protocol; the client falls back to plain HTTP
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "NO_PROXY": "*",
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A running, empty Hub. The client is logged in with write access, and its retries don't wait."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.001)))
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    HUB.forget()
    HUB.start()
    yield HUB
    HUB.stop()
    HUB.forget()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    if (executable := find_browser()) is None:
        pytest.fail("no Chromium found: `python -m tests` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()
