"""Clips whose levels or pixels are of an unusual kind: gray codecs, HDR, pixels that aren't square, changing sizes."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from colorizer import colorize_video
from colorizer.pipelines.image_colorization import ColorizationPipeline
from tests.clips import RATE, frames_of, lightness_of, make_clip, pan


def make_gray_clip(path: Path, codec: str, pix_fmt: str, levels: list[np.ndarray], color_range: int) -> Path:
    """Write a clip of one plane, whose levels are stored as they are, with a mark of their range."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = levels[0].shape
        stream.pix_fmt, stream.codec_context.color_range = pix_fmt, color_range
        stream.codec_context.options = {"x265-params": "log-level=none:lossless=1"} if codec == "libx265" else {}
        for number, plane in enumerate(levels):
            frame = av.VideoFrame(stream.width, stream.height, pix_fmt)
            samples = np.frombuffer(frame.planes[0], plane.dtype).reshape(len(plane), -1)
            samples[:, : plane.shape[1]] = plane
            frame.pts, frame.time_base, frame.color_range = number, Fraction(1, RATE), color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize(
    ("codec", "has_reserve", "color_range"),
    [
        ("libx265", True, 1),
        ("libx265", False, 2),
        ("libx265", False, 1),  # by FFmpeg 4
        ("ffv1", True, 1),
        ("ffv1", False, 2),
        ("ffv1", False, 0),
    ],
)
def test_gray_is_as_light_as_its_range_says(
    codec: str, bits: int, has_reserve: bool, color_range: int, pipe: ColorizationPipeline, tmp_path: Path
):
    grays = [np.linspace(0, 255, 64 * 48).reshape(48, 64)[:, ::step] for step in (1, -1, 1)]
    unit, kind = (1, np.uint8) if bits == 8 else (4, np.uint16)
    levels = [np.rint((16 + gray / 255 * 219 if has_reserve else gray) * unit).astype(kind).copy() for gray in grays]
    pix_fmt = "gray" if bits == 8 else "gray10le"
    clip = make_gray_clip(tmp_path / "clip.mkv", codec, pix_fmt, levels, color_range)
    for bit_depth in (8, 10):
        result = colorize_video(clip, tmp_path / "colored.mp4", pipe, bit_depth=bit_depth)
        for gray, colored in zip(grays, frames_of(result.path), strict=True):
            own = lightness_of(np.repeat(np.rint(gray).astype(np.uint8)[..., None], 3, 2))
            assert np.abs(own - lightness_of(colored)).mean() < 1.5


def test_pixels_that_are_not_square_are_made_so_where_a_format_can_not_say_it(
    pipe: ColorizationPipeline, tmp_path: Path
):
    for aspect, size in ((Fraction(16, 11), (94, 48)), (Fraction(8, 9), (64, 54)), (Fraction(1), (64, 48))):
        clip = make_clip(tmp_path / "clip.mp4", pan(3), aspect=aspect, sound=None)
        for ending in ("mp4", "mkv", "webm"):
            result = colorize_video(clip, tmp_path / f"colored.{ending}", pipe)
            with av.open(str(result.path)) as container:
                (stream,) = container.streams.video
                found = (stream.width, stream.height), stream.sample_aspect_ratio or 1
            if ending == "webm":
                assert found == (size, 1)
                assert result.notes == (("its pixels were made square, as .webm needs",) if aspect != 1 else ())
            else:
                assert found == ((64, 48), aspect)
                assert result.notes == ()
            means = [np.mean([lightness_of(pixels) for pixels in frames_of(path)]) for path in (clip, result.path)]
            assert means[1] == pytest.approx(means[0], abs=1)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG"), (1, None)])
def test_hdr_is_noted(transfer: int, name: str | None, pipe: ColorizationPipeline, tmp_path: Path):
    clip = make_clip(tmp_path / "clip.mkv", pan(3), transfer=transfer, sound=None)
    notes = colorize_video(clip, tmp_path / "colored.mkv", pipe).notes
    assert len(notes) == (name is not None)
    assert name is None or f"of {name}, which is not supported" in notes[0]


def test_frames_of_another_size_are_noted(pipe: ColorizationPipeline, tmp_path: Path):
    first, second = (make_clip(tmp_path / f"{size[0]}.ts", pan(5, size), sound=None) for size in ((64, 48), (96, 80)))
    (tmp_path / "clip.ts").write_bytes(first.read_bytes() + second.read_bytes())
    result = colorize_video(tmp_path / "clip.ts", tmp_path / "colored.mp4", pipe)
    assert {pixels.shape for pixels in frames_of(result.path)} == {(48, 64, 3)}
    assert result.notes == ("frames of another size than the first were scaled to it: 5",)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_jpegs_of_a_camera_may_have_exif_data(orientation: int, turns: int, pipe: ColorizationPipeline, tmp_path: Path):
    """PyAV has no name for them, and then lists no other data of the frame either."""
    exif, frames = Image.Exif(), pan(4)
    exif[0x0112] = orientation
    with av.open(str(tmp_path / "clip.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuvj420p"
        for number, pixels in enumerate(frames):
            jpeg = io.BytesIO()
            Image.fromarray(pixels).save(jpeg, "JPEG", quality=95, exif=exif)
            packet = av.Packet(jpeg.getvalue())
            packet.stream, packet.time_base = stream, Fraction(1, RATE)
            packet.pts, packet.dts = number, number
            container.mux(packet)
    result = colorize_video(tmp_path / "clip.avi", tmp_path / "colored.mkv", pipe)
    for own, new in zip(frames, frames_of(result.path), strict=True):
        assert np.abs(lightness_of(np.rot90(own, turns).copy()) - lightness_of(new)).mean() < 2
