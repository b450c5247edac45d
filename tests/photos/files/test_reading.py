"""Reading photos from every kind of source, EXIF orientation, and damaged or hostile files."""

import http.server
import io
import struct
import threading
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from colorizer import ColorizerError, PhotoError
from colorizer.photos.files.reading import read_photo
from tests.photos.conftest import encode

ORIENTATION = 0x0112


class TestSources:
    def test_path_bytes_file_image_array_tensor_and_photo_are_the_same_photo(self, pixels, tmp_path):
        path = tmp_path / "photo.png"
        path.write_bytes(encode(pixels))
        tensor = torch.from_numpy(pixels).permute(2, 0, 1)
        with path.open("rb") as file:
            sources = [str(path), path, path.read_bytes(), bytearray(path.read_bytes()), memoryview(path.read_bytes())]
            sources += [file, Image.open(path), Image.fromarray(pixels), pixels, pixels / 255]
            sources += [tensor, tensor[None], tensor / 255, (tensor / 255).double()]
            for source in sources:
                photo = read_photo(source)
                np.testing.assert_array_equal(photo.pixels, pixels)
                assert photo.pixels.dtype == np.uint8
                assert photo.size == (60, 40)
                assert photo.alpha is None
        assert read_photo(path).name == str(path)
        photo = read_photo(path)
        assert read_photo(photo) is photo

    def test_an_address_is_downloaded_within_bounds(self, pixels):
        content = encode(pixels)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.startswith("/missing"):
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content) + ("short" in self.path)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            photo = read_photo(f"{address}/photo.png?token=secret")
            np.testing.assert_array_equal(photo.pixels, pixels)
            assert photo.name == f"{address}/photo.png"
            with pytest.raises(PhotoError, match=r"missing\.png.*404"):
                read_photo(f"{address}/missing.png")
            with pytest.raises(PhotoError, match=r"short\.png.* of \d+ bytes"):
                read_photo(f"{address}/short.png")
            with pytest.raises(PhotoError, match="more than"):
                read_photo(f"{address}/photo.png", max_bytes=100)
        finally:
            server.shutdown()
            server.server_close()
        with pytest.raises(PhotoError, match="could not be downloaded"):
            read_photo(f"{address}/gone.png")

    @pytest.mark.parametrize("source", [None, 3, {"path": "a.jpg"}, object(), ["a.jpg"]])
    def test_what_is_no_source_is_refused(self, source):
        with pytest.raises(PhotoError, match=f"can't be read from {type(source).__name__}"):
            read_photo(source)

    def test_missing_paths_folders_and_text_files_are_named(self, tmp_path):
        for path in (tmp_path / "none.jpg", tmp_path, "/\0bad.jpg"):
            with pytest.raises(PhotoError, match=r"none\.jpg|is not a file|bad\.jpg"):
                read_photo(path)
        (tmp_path / "photo.jpg").write_text("no photo")
        with (tmp_path / "photo.jpg").open() as file, pytest.raises(PhotoError, match=r"photo\.jpg.*'rb'"):
            read_photo(file)

    def test_photo_errors_are_value_errors(self):
        with pytest.raises(ValueError, match="no file"):
            read_photo("none.jpg")
        assert issubclass(PhotoError, ColorizerError)


class TestExif:
    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_every_orientation_is_turned_upright_once(self, pixels, orientation, file_format):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        exif[0x010F] = "Camera"
        content = encode(pixels, file_format, exif=exif.tobytes())
        photo = read_photo(content)
        expected = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
        np.testing.assert_array_equal(photo.pixels, expected)
        kept = Image.Exif()
        kept.load(photo.exif)
        assert kept.get(ORIENTATION, 1) == 1
        assert kept[0x010F] == "Camera"

    def test_alpha_is_turned_along(self, pixels):
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        photo = read_photo(encode(np.dstack([pixels, pixels[..., 0]]), exif=exif))
        np.testing.assert_array_equal(photo.alpha, photo.pixels[..., 0])

    @pytest.mark.parametrize("orientation", [0, 9, 700])
    def test_an_unknown_orientation_turns_nothing(self, pixels, orientation):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        np.testing.assert_array_equal(read_photo(encode(pixels, exif=exif)).pixels, pixels)

    @pytest.mark.parametrize(
        "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff"]
    )
    def test_broken_exif_does_not_cost_the_photo(self, pixels, exif):
        assert read_photo(encode(pixels, "JPEG", exif=exif)).size == (60, 40)


def small_png_of(width: int, height: int) -> bytes:
    """Return a tiny PNG whose header declares this size, like a decompression bomb."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


class TestBadFiles:
    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
    def test_a_file_cut_short_anywhere_is_an_error_that_names_it(self, pixels, tmp_path, file_format):
        whole = encode(pixels, file_format)
        path = tmp_path / f"cut.{file_format.lower()}"
        for length in (len(whole) // 10, len(whole) // 2, len(whole) * 8 // 10):
            path.write_bytes(whole[:length])
            with pytest.raises(PhotoError, match=r"cut\."):
                read_photo(path)

    def test_scrambled_files_give_a_photo_or_an_error_of_ours(self, pixels):
        generator = np.random.default_rng(0)
        for file_format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF"):
            whole = np.frombuffer(encode(pixels, file_format), np.uint8)
            for _ in range(40):
                scrambled = whole.copy()
                scrambled[generator.integers(0, min(len(whole), 400), 8)] = generator.integers(0, 256, 8)
                try:
                    photo = read_photo(scrambled.tobytes(), max_pixels=1_000_000)
                except PhotoError:
                    continue
                assert photo.pixels.dtype == np.uint8

    @pytest.mark.parametrize(
        "content", [b"no photo at all", b"\0" * 1000, b"%PDF-1.7", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>"]
    )
    def test_what_is_no_photo_is_refused(self, tmp_path, content):
        (tmp_path / "notes.jpg").write_bytes(content)
        with pytest.raises(PhotoError, match=r"notes\.jpg"):
            read_photo(tmp_path / "notes.jpg")

    def test_empty_files_are_refused(self):
        with pytest.raises(PhotoError, match="empty"):
            read_photo(b"")

    def test_bombs_are_refused_by_their_header(self):
        for width, height in ((20_000, 20_000), (11_000, 11_000), (2**31 - 1, 2**31 - 1)):
            with pytest.raises(PhotoError, match="pixels"):
                read_photo(small_png_of(width, height))
        with pytest.raises(PhotoError, match=r"more than the 0\.001 allowed"):
            read_photo(small_png_of(60, 40), max_pixels=1000)

    def test_too_many_bytes_are_refused_before_they_are_read(self, pixels, tmp_path):
        path = tmp_path / "large.png"
        path.write_bytes(encode(pixels))
        for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
            with pytest.raises(PhotoError, match="MiB allowed"):
                read_photo(source, max_bytes=1000)

    def test_an_image_without_pixels_is_refused(self):
        with pytest.raises(PhotoError, match="no pixels"):
            read_photo(Image.new("RGB", (0, 5)))

    @pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1)])
    def test_extreme_shapes_are_read(self, size):
        photo = read_photo(encode(Image.new("RGB", size, (10, 20, 30))))
        assert photo.size == size
        assert (photo.pixels == (10, 20, 30)).all()
