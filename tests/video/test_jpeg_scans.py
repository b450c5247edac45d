"""Clips of JPEGs in very many scans, each of which takes a few bytes, and the time of a whole picture."""

import io
from pathlib import Path

import pytest
from PIL import Image

from colorizer.errors import VideoError
from colorizer.video.frames import inspect
from colorizer.video.opening import Limits, check_file
from tests.clips import make_clip, pan


def test_very_many_scans_are_refused(tmp_path: Path):
    stream = io.BytesIO()
    Image.new("RGB", (640, 480), (200, 90, 30)).save(stream, "JPEG", progressive=True)
    content = stream.getvalue()
    scan = content[content.rindex(b"\xff\xda") : -2]
    clip = tmp_path / "clip.mov"
    clip.write_bytes(content[:-2] + 2000 * scan + content[-2:])
    with pytest.raises(VideoError, match="scans"):
        check_file(clip, Limits(bytes=2**20))


def test_frames_of_one_scan_are_read(tmp_path: Path):
    clip = make_clip(tmp_path / "clip.avi", pan(12), codec="mjpeg", pix_fmt="yuvj420p", sound=None)
    assert inspect(clip, Limits(bytes=2**24)).num_frames == 12
