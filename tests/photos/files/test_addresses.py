"""Photos from web addresses that hold secrets, and names of photos in messages."""

import base64
import http.server
import threading
from collections.abc import Iterator

import pytest
from PIL import Image

from colorizer.cli.failures import reported
from colorizer.errors import PhotoError
from colorizer.photos.files.addresses import public_name
from colorizer.photos.files.reading import read_photo
from tests.photos.conftest import encode

SECRET = "hunter2"


class Handler(http.server.BaseHTTPRequestHandler):
    """Photo behind a password, with redirections and an endless reason."""

    def do_GET(self):
        self.server.authorizations.append(self.headers.get("Authorization"))
        if self.path.startswith("/elsewhere"):
            self.send_response(302)
            self.send_header("Location", f"gopher://127.0.0.1/?token={SECRET}")
            return self.end_headers()
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/photo.png")
            return self.end_headers()
        if self.path.startswith("/missing"):
            self.send_response(404, SECRET * 1000)
            return self.end_headers()
        self.send_response(200)
        self.send_header("Content-Length", "\xb2" if "odd" in self.path else str(len(self.server.photo)))
        self.end_headers()
        return self.wfile.write(self.server.photo)

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.photo, server.authorizations = encode(Image.new("RGB", (5, 4))), []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_user_and_password_reach_their_own_server_only(server):
    photo = read_photo(f"http://ada:p%40ss@127.0.0.1:{server.server_port}/moved.png?token={SECRET}")
    assert photo.size == (5, 4)
    assert photo.name == f"http://127.0.0.1:{server.server_port}/moved.png"
    assert server.authorizations == [f"Basic {base64.b64encode(b'ada:p@ss').decode()}", None]


def test_length_that_is_no_number(server):
    assert read_photo(f"http://127.0.0.1:{server.server_port}/odd.png").size == (5, 4)


@pytest.mark.parametrize(
    "address",
    [
        "http://ada:{secret}@127.0.0.1:{port}/missing.png?token={secret}#{secret}",
        "HTTP://127.0.0.1:{port}/elsewhere.png?token={secret}",
        "http://127.0.0.1:{port}/a b.png?token={secret}",
        "http://127.0.0.1:{port}/\xe4.png?token={secret}",
        "http://ada:{secret}@127.0.0.1:1/photo.png",
        "http://ada:{secret}@/photo.png",
        "http://[ada:{secret}@127.0.0.1/",
        "http://127.0.0.1:{secret}/",
        "http://ada:{secret}/@127.0.0.1/photo.png",
        "http://ada:#{secret}@127.0.0.1/photo.png",
        "http://127.0.0.1:{port}/" + 10**6 * "a" + "/missing.png?{secret}",
    ],
)
def test_no_message_has_a_secret_or_is_long(address, server, capsys):
    address = address.format(port=server.server_port, secret=SECRET)
    with reported(address, failed := set()):
        read_photo(address)
    assert failed == {address}
    message = capsys.readouterr().err
    assert SECRET not in message
    assert len(message.splitlines()) == 1
    assert len(message) < 700


def test_long_path_is_one_short_line():
    with pytest.raises(PhotoError, match=r"aa\.png' can't be opened: File name too long\.$") as raised:
        read_photo("a" * 10**6 + ".png")
    assert len(str(raised.value)) < 600


def test_name_stands_for_the_path(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"nothing")
    for path in (tmp_path / "photo.png", tmp_path / "none.png", tmp_path, "\0"):
        with pytest.raises(PhotoError) as raised:
            read_photo(path, name="harbor.png")
        assert "harbor.png" in str(raised.value)
        assert str(tmp_path) not in str(raised.value)


def test_paths_keep_their_names():
    for path in ("photo.jpg", "/a/b?c#d@e.jpg", "ftp://a:b@c/d.png"):
        assert public_name(path) == path
