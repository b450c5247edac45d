"""Previews: every format that can be colored can be watched in a browser."""

from pathlib import Path

import av
import numpy as np
import pytest

from colorizer import VideoError
from colorizer.video import ENDINGS, Limits, inspect, is_playable, write_preview
from tests.clips import PITCH, frames_of, lightness_of, make_clip, pan, pitch_of, times_of

KINDS = [
    ("avi", "mjpeg", "pcm_s16le"),
    ("mpg", "mpeg2video", "mp2"),
    ("vob", "mpeg2video", "ac3"),
    ("mts", "libx264", "ac3"),
    ("wmv", "wmv2", "adpcm_ms"),
    ("flv", "flv", "libmp3lame"),
    ("rm", "rv20", "ac3"),
    ("3g2", "mpeg4", "aac"),
    ("mkv", "libx265", "flac"),
    ("mov", "prores_ks", "pcm_s16le"),
]


@pytest.mark.parametrize(("ending", "codec", "sound"), KINDS)
def test_a_preview_has_the_frames_times_and_sound(ending: str, codec: str, sound: str, tmp_path: Path):
    pix_fmt = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}.get(codec, "yuv420p")
    clip = make_clip(
        tmp_path / f"clip.{ending}", pan(8), codec=codec, sound=sound, pix_fmt=pix_fmt, options={"b": "2M"}
    )
    assert clip.suffix in ENDINGS
    assert not is_playable(clip)
    preview = write_preview(clip, tmp_path / "preview.mp4")
    assert is_playable(preview)
    steps, own_steps = (
        np.diff(times_of(path)[:-1]) for path in (preview, clip)
    )  # some don't say how long the last one is
    assert steps == pytest.approx(own_steps, abs=2e-3)
    assert times_of(preview)[0] < 0.1
    for own, new in zip(frames_of(clip), frames_of(preview), strict=True):
        assert np.abs(lightness_of(own) - lightness_of(new)).mean() < 2
    assert pitch_of(preview) == pytest.approx(PITCH, abs=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((clip.name, "preview.mp4"))


def test_a_preview_is_small_and_says_nothing_of_colors(tmp_path: Path):
    frames = [np.full((600, 400, 3), 50 * k, np.uint8) for k in range(3)]
    clip = make_clip(tmp_path / "clip.mov", frames, rotation=90, sound=None, metadata={"title": "Gray"})
    preview = write_preview(clip, tmp_path / "preview.mp4")
    assert inspect(preview).size == (600, 400)
    big = make_clip(tmp_path / "big.avi", [np.zeros((720, 960, 3), np.uint8)] * 2, codec="mpeg4", sound=None)
    assert inspect(write_preview(big, tmp_path / "small.mp4")).size == (640, 480)
    with av.open(str(preview)) as container:
        assert container.metadata["title"] == "Gray"
        assert "comment" not in container.metadata
    with pytest.raises(VideoError, match="more than the 2 frames"):
        write_preview(clip, tmp_path / "long.mp4", Limits(frames=2))
    with pytest.raises(VideoError, match=r"must end in \.mp4"):
        write_preview(clip, tmp_path / "preview.webm")
