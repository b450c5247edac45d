"""The page as `python -m colorizer web` builds it, once for all tests, and a server of its files on the loopback interface."""

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from skimage import data

from colorizer.cli.parser import main
from colorizer.viewer.examples import FOLDER
from tests.web.pages import encoded, small, turned

WAIT = 60_000  # milliseconds; a second or two on an idle machine


@dataclass
class Site:
    """Static files on the loopback interface, below a path as on a shared host."""

    url: str
    server: ThreadingHTTPServer
    addresses: list[str] = field(default_factory=list)
    num_bytes: int = 0
    damaged: str | None = None  # path of a file that arrives as zeros
    replaced: dict[str, bytes] = field(default_factory=dict)  # by the name of the file

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds the page as `people/page`."""
    parent = tmp_path_factory.getbasetemp()
    folder = (
        parent.parent if parent.name.startswith("popen-") else parent
    ) / "web"  # one for all processes of the tests
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            assert main(["web", "-o", str(folder / "people" / "page"), "--space", "https://example.org/app"]) == 0
    return folder


@pytest.fixture
def site(built: Path) -> Iterator[Site]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            site.addresses.append(self.path)

        def copyfile(self, source, output) -> None:
            content = source.read()
            site.num_bytes += len(content)
            output.write(bytes(len(content)) if site.damaged and self.path.endswith(site.damaged) else content)

        def do_GET(self) -> None:
            content = site.replaced.get(self.path.partition("?")[0].rpartition("/")[2])
            if content is None:
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(self.path))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(built)))
    server.daemon_threads = True
    expect.set_options(timeout=WAIT)
    site = Site(f"http://127.0.0.1:{server.server_port}/people/page/", server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield site
    site.stop()
    thread.join(timeout=10)


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """The page, open. A request to another address, or an error in a script, fails the test."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, accept_downloads=True)
    page = context.new_page()
    requests: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(WAIT)
    page.goto(site.url)
    yield page
    context.close()
    assert not errors
    assert [url for url in requests if not url.startswith((site.url, "blob:", "data:"))] == []
    assert requests


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six photos: gray and in color, flat and tall, smaller than a network's input and larger, in several formats."""
    contents = {
        "girl.png": encoded(small(data.astronaut()).convert("L"), "PNG"),
        "cup.webp": encoded(small(data.coffee(), 260), "WEBP"),
        "cat.jpg": turned(small(data.chelsea())),
        "coins.png": encoded(small(data.coins(), 90), "PNG"),
        "river.png": encoded(Image.open(FOLDER / "monastery.webp").convert("RGB"), "PNG"),
        "tower.png": encoded(small(data.rocket()).crop((60, 0, 90, 107)), "PNG"),
    }
    folder = tmp_path_factory.mktemp("photos")
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]
