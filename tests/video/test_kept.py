"""Clips keep their scenes in color, and 10 bits, when asked."""

from pathlib import Path

import av
import numpy as np
import pytest

from colorizer import VideoError, VideoStopped, colorize_video
from colorizer.photos.merging import gray_pixels
from colorizer.photos.tones import is_toned
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.video import coloring
from colorizer.video.kept_color import ColorKeeper
from tests.clips import chroma_of, frames_of, lightness_of, make_clip, pan

IN_COLOR = pan(6)
GRAY = [gray_pixels(np.ascontiguousarray(pixels[::-1, ::-1])) for pixels in pan(6, start=40)]


def chroma_error(frames: list[np.ndarray], others: list[np.ndarray]) -> float:
    return np.mean([np.abs(chroma_of(a) - chroma_of(b)).mean() for a, b in zip(frames, others, strict=True)])


def test_scenes_in_color_are_left_alone_when_asked(
    pipe: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    options = {"crf": "4", "preset": "ultrafast"}
    clip = make_clip(tmp_path / "clip.mkv", GRAY + IN_COLOR + GRAY, sound=None, options=options)
    own = frames_of(clip)
    always = frames_of(colorize_video(clip, tmp_path / "always.mp4", pipe).path)
    sizes, forward = [], pipe.model.forward
    monkeypatch.setattr(pipe.model, "forward", lambda planes, **k: (sizes.append(len(planes)), forward(planes, **k))[1])
    result = colorize_video(clip, tmp_path / "kept.mp4", pipe, keep_color=True)
    assert sum(sizes) == 4  # two of each gray scene
    kept = frames_of(result.path)
    assert result.notes == ("frames in color already were left as they are: 6",)
    assert chroma_error(always[6:12], own[6:12]) > 8
    assert chroma_error(kept[6:12], own[6:12]) < 2
    for scene in (slice(0, 6), slice(12, 18)):
        assert chroma_error(kept[scene], always[scene]) < 0.5
        assert np.abs(chroma_of(kept[scene][0])).mean() > 4
    # Interrupted in the scene, it resumes with the same decisions.
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    seen = []
    with pytest.raises(VideoStopped):
        colorize_video(
            clip,
            tmp_path / "resumed.mp4",
            pipe,
            keep_color=True,
            progress=lambda *step: seen.append(step),
            should_stop=lambda: len(seen) == 10,
        )
    resumed = colorize_video(clip, tmp_path / "resumed.mp4", pipe, keep_color=True)
    at_once = colorize_video(clip, tmp_path / "at once.mp4", pipe, keep_color=True)
    assert resumed.path.read_bytes() == at_once.path.read_bytes()
    assert resumed.notes == at_once.notes == result.notes


def test_a_dark_moment_changes_nothing_and_a_dissolve_does():
    keeper, dark = ColorKeeper(), np.zeros_like(GRAY[0])

    def is_kept(pixels: np.ndarray, is_new_scene: bool) -> bool:
        return keeper(not is_toned(pixels), is_new_scene)

    assert not is_kept(GRAY[0], True)
    assert not is_kept(dark, True)  # a scene that fades in
    assert all(is_kept(pixels, False) for pixels in (IN_COLOR[0], dark, GRAY[0], IN_COLOR[1]))
    assert not is_kept(GRAY[0], True)
    assert is_kept(IN_COLOR[0], False)
    verdicts = [is_kept(GRAY[0], False) for _ in range(30)]
    assert verdicts[0]
    assert not verdicts[-1]


@pytest.mark.parametrize(("ending", "rotation"), [("mp4", 0), ("mkv", 0), ("mov", 90)])
def test_ten_bits_come_out_when_asked(ending: str, rotation: int, pipe: ColorizationPipeline, tmp_path: Path):
    ramp = np.broadcast_to(np.linspace(400, 500, 192).round().astype(np.uint16), (33, 192))
    planes = np.concatenate((ramp.ravel()[: 32 * 192], np.full(32 * 192 // 2, 512, np.uint16))).reshape(48, 192)
    clip = tmp_path / "clip.mov"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 192, 32, "yuv420p10le"
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p10le")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    result = colorize_video(clip, tmp_path / f"colored.{ending}", pipe, bit_depth=10, saturation=0)
    with av.open(str(result.path)) as container:
        luma = [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]
        assert container.streams.video[0].pix_fmt == "yuv420p10le"
    upright = np.rot90(ramp[:32], rotation // 90)
    error = luma[1] - upright.astype(float)
    assert np.abs(error.mean(0 if rotation == 0 else 1)).mean() < 0.6  # of 1024 levels; rounded to 8 bits, it is 1


def test_ten_bits_are_refused_where_they_do_not_fit(clip: Path, pipe: ColorizationPipeline, tmp_path: Path):
    with pytest.raises(VideoError, match=r"\.webm can't be written with 10 bits"):
        colorize_video(clip, tmp_path / "colored.webm", pipe, bit_depth=10)
    with pytest.raises(VideoError, match="bit_depth must be 8 or 10"):
        colorize_video(clip, tmp_path / "colored.mp4", pipe, bit_depth=12)
    assert np.abs(lightness_of(frames_of(clip)[0])).max() > 0
