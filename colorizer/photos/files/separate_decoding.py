"""Decode a file in a process of its own, with the libraries of the extra `formats`."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from importlib.util import find_spec
from io import BytesIO
from typing import IO

import numpy as np
from PIL import Image

from colorizer.errors import PhotoError
from colorizer.photos.files.formats import DECODERS, EXTRA

_TIMEOUT = 600  # seconds; the process limits its own processor time
_MAX_LINE = 65536


def decode(file: IO[bytes], kind: str, label: str, max_pixels: int, page: int = 1) -> tuple[Image.Image, int]:
    """Decode a file of a format of `DECODERS` to an image with its metadata, and its number of pages.

    `info` has its ICC profile, EXIF block, XMP packet and a PDF's "dpi", as "wide" its gray (H, W) or RGB (H, W, 3) in 16 bits,
    uint16, and as "alpha" that of a mode without one, uint8 (H, W).
    `page` is counted from 1, or a TIFF directory's offset.

    Raises:
        PhotoError: the library is missing, or the file is damaged, too large, or takes too much memory or time.
    """
    answer, parts = _run(file, kind, label, max_pixels, page)
    pixels, *metadata, wide, alpha = parts
    image = Image.frombytes(answer["mode"], tuple(answer["size"]), pixels)
    names = ("icc_profile", "exif", "xmp")
    image.info |= {name: bytes(part) for name, part in zip(names, metadata, strict=True) if part}
    if answer["dpi"]:
        image.info["dpi"] = tuple(answer["dpi"])
    if wide:
        is_gray = image.mode in ("L", "LA")
        image.info["wide"] = np.frombuffer(wide, np.uint16).reshape(
            image.height, image.width, *(() if is_gray else (3,))
        )
    if alpha:
        image.info["alpha"] = np.frombuffer(alpha, np.uint8).reshape(image.height, image.width)
    return image, answer["num_pages"]


def count_pages(file: IO[bytes], label: str) -> int:
    """Return the number of pages of a PDF; raise PhotoError as `decode` does."""
    return _run(file, "PDF", label, 0, 0)[0]["num_pages"]


def _run(file: IO[bytes], kind: str, label: str, max_pixels: int, page: int) -> tuple[dict, list[bytearray]]:
    module, words = DECODERS[kind]
    if find_spec(module) is None:
        raise PhotoError(f"{label} is {words}: install what reads it with {EXTRA}.")
    command = [sys.executable, "-m", "colorizer.photos.files.decoders", kind, str(page), str(max_pixels)]
    # The process finds the same modules; a pool of threads would count as memory.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1"}
    environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
    with (
        _as_plain_file(file) as source,
        subprocess.Popen(
            command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as process,
    ):
        timer = threading.Timer(_TIMEOUT, process.kill)
        timer.start()
        answer, parts = None, []
        try:
            # A process that was ended leaves nothing, or a beginning.
            with suppress(EOFError, json.JSONDecodeError):
                line = json.loads(process.stdout.readline(_MAX_LINE))
                parts = [_read(process.stdout, length) for length in line.get("lengths", ())]
                answer = line
        finally:
            timer.cancel()
            process.kill()
    # The process has moved the position that it shares; only from the end Python takes no notice of its own.
    file.seek(0, os.SEEK_END)
    file.seek(0)
    if answer is None:
        raise PhotoError(f"{label} is {words} that takes too much memory or time to be decoded safely, or is damaged.")
    if "missing" in answer:
        raise PhotoError(
            f"{label} is {words} in a compression of another library's: install what reads it with {EXTRA}."
        )
    if "error" in answer:
        raise PhotoError(f"{label} {answer['error'] or f'is {words} that is damaged or incomplete'}.")
    return answer, parts


def _as_plain_file(file: IO[bytes]) -> IO[bytes]:
    """Return a file that another process can read and that may be closed."""
    if not isinstance(file, BytesIO):
        return os.fdopen(os.dup(file.fileno()), "rb")
    copy = tempfile.TemporaryFile()  # noqa: SIM115 — the caller closes it
    copy.write(file.getbuffer())
    copy.flush()
    return copy


def _read(stream: IO[bytes], length: int) -> bytearray:
    content = bytearray(length)
    with memoryview(content) as view:
        start = 0
        while start < length:
            if not (count := stream.readinto(view[start:])):
                raise EOFError
            start += count
    return content
