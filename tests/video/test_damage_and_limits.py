"""Errors for files that are not complete clips, clips beyond the limits, and invalid options: each is named."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from colorizer import ColorizerError, VideoError, colorize_video
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.video import Limits, coloring, inspect
from tests.clips import (
    RATE,
    SIZE,
    add_tone,
    damage,
    frames_of,
    lightness_of,
    make_clip,
    pan,
    times_of,
    trim,
    write_tone,
)
from tests.video.conftest import assert_nothing_left


def damaged(folder: Path) -> dict[str, Path]:
    """Files that are not clips, by what is wrong with them."""
    files = {
        name: folder / f"{name}.mp4" for name in ("noise", "photo", "empty", "playlist", "list", "half", "missing")
    }
    files["noise"].write_bytes(np.random.default_rng(0).bytes(5000))
    Image.new("RGB", (64, 48)).save(files["photo"], "JPEG")
    files["empty"].touch()
    whole = make_clip(folder / "whole.mkv", pan(36))
    files["playlist"].write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{whole}\n#EXT-X-ENDLIST\n")
    files["list"].write_text(f"ffconcat version 1.0\nfile {whole}\n")
    files["half"].write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    files["unfinished"] = make_clip(folder / "unfinished.mp4", pan(36), sound=None)
    files["unfinished"].write_bytes(files["unfinished"].read_bytes()[:3000])
    files["stills"] = folder / "stills.png"
    Image.new("RGB", (64, 48)).save(files["stills"], save_all=True, append_images=[Image.new("RGB", (64, 48), "red")])
    files["still"] = folder / "still.avif"
    Image.new("RGB", (64, 48)).save(files["still"])
    files["sound"] = folder / "sound.mp4"
    with av.open(str(files["sound"]), "w") as container:
        write_tone(container, add_tone(container, "aac"), 0.1)
    return files


def test_what_is_no_whole_clip_is_named(pipe: ColorizationPipeline, tmp_path: Path):
    messages = {
        "noise": r"noise\.mp4 is not a video that can be read",
        "photo": r"photo\.mp4 is not a video that can be read",
        "empty": r"empty\.mp4 is empty",
        "playlist": "is not a video that can be read",
        "list": "is not a video that can be read",
        "half": r"half\.mp4 .* 0\.\d of 1\.5 seconds",
        "missing": "There is no file",
        "sound": r"sound\.mp4 has no video",
        "still": r"still\.avif is a photo, not a clip",
        "unfinished": r"unfinished\.mp4 .* \(it is cut off\)",
        "stills": r"stills\.png .* \(its format is not supported\)",
    }
    files = damaged(tmp_path)
    before = sorted(tmp_path.iterdir())
    for name, message in messages.items():
        with pytest.raises(VideoError, match=message):
            colorize_video(files[name], tmp_path / "colored.mp4", pipe)
    for source, message in ((tmp_path, "is not a file"), (b"clip", "give its path"), ("a\0b", "There is no|can't be")):
        with pytest.raises(VideoError, match=message):
            inspect(source)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("ending", "codec", "pix_fmt", "number"),
    [
        ("avi", "mjpeg", "yuvj420p", 9),
        ("avi", "mjpeg", "yuvj420p", 0),
        ("avi", "mjpeg", "yuvj420p", 11),
        ("mov", "png", "rgb24", 5),
        ("mp4", "libx264", "yuv420p", 11),
    ],
)
def test_a_damaged_frame_repeats_the_one_before(
    ending: str,
    codec: str,
    pix_fmt: str,
    number: int,
    pipe: ColorizationPipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    clip = make_clip(tmp_path / f"clip.{ending}", pan(12), codec=codec, pix_fmt=pix_fmt, sound=None)
    whole, times = frames_of(clip), times_of(clip)
    result = colorize_video(damage(clip, number), tmp_path / "colored.mp4", pipe)
    assert result.notes == ("1 frame that could not be decoded repeats the one before",)
    assert result.num_frames == 12
    shown = frames_of(result.path)
    repeated = whole[max(number - 1, 0) if number else 1]
    assert np.abs(lightness_of(shown[number]) - lightness_of(repeated)).mean() < 1.5
    assert np.abs(lightness_of(shown[-2]) - lightness_of(whole[-2])).mean() < 1.5
    assert times_of(result.path) == pytest.approx(times, abs=2e-3)
    assert_nothing_left(tmp_path, clip.name, "colored.mp4")


def test_a_frame_damaged_in_part_is_noted(pipe: ColorizationPipeline, tmp_path: Path):
    noise = np.random.default_rng(0).bytes(10**5)
    for ending, codec, options in (
        ("mp4", "libx264", {"crf": "4", "x264-params": "tff=1"}),
        ("avi", "mpeg4", {"b": "3M"}),
        ("mpg", "mpeg2video", {"b": "3M"}),
    ):
        clip = make_clip(tmp_path / f"clip.{ending}", pan(8), codec=codec, options=options, sound=None)
        with av.open(str(clip)) as container:
            packet = next(bytes(packet) for packet in container.demux(video=0))
        end = packet[len(packet) // 4 :]
        if ending == "mpg":  # whose packets are spread over several
            end = end[: end.find(b"\0\0\1", 100)][:500]
        damaged = clip.read_bytes().replace(end, noise[: len(end)])
        assert damaged != clip.read_bytes()
        clip.write_bytes(damaged)
        result = colorize_video(clip, tmp_path / "colored.mp4", pipe)
        assert result.num_frames == 8
        assert [note for note in result.notes if "interlaced" not in note] == [
            "frames damaged in part, which the decoder guessed: 1"
        ]


def test_a_cut_that_loses_little_is_noticed(tmp_path: Path):
    kinds = {
        "mp4": ("libx264", "aac"),
        "mov": ("libx264", "aac"),
        "flv": ("flv", "libmp3lame"),
        "ivf": ("libvpx", None),
        "rm": ("rv20", "ac3"),
        "mxf": ("mpeg2video", None),
    }
    for ending, (codec, sound) in kinds.items():
        clip = make_clip(tmp_path / f"whole.{ending}", pan(50), codec=codec, sound=sound, rate=25, options={"b": "3M"})
        if sound == "aac":
            clip = trim(clip, tmp_path / f"first.{ending}", 0, movflags="faststart")
        content = clip.read_bytes()
        assert inspect(clip).has_end, ending
        whole = content.rindex(bytes.fromhex("060e2b34020501010d010201010404")) if ending == "mxf" else len(content)
        clip.write_bytes(content[: whole - 50])
        assert not inspect(clip).has_end, ending


def test_a_gif_has_its_end_where_its_blocks_lead_to_it(tmp_path: Path):
    first, *others = (Image.fromarray(pixels) for pixels in pan(9))
    first.save(tmp_path / "clip.gif", save_all=True, append_images=others, duration=40)
    whole = (tmp_path / "clip.gif").read_bytes()
    middle = len(whole) // 2
    for content, has_end in (
        (whole, True),
        (whole + b"\0\r\nmore", True),
        (whole[:-1], False),
        (whole[:middle] + b";", False),
        (whole[:middle] + bytes(400) + whole[middle + 400 :], False),
    ):
        (tmp_path / "clip.gif").write_bytes(content)
        assert inspect(tmp_path / "clip.gif").has_end == has_end


def test_a_cut_within_a_packet_or_frame_is_noticed_where_the_container_states_no_length(tmp_path: Path):
    kinds = {
        "ts": ("libx264", "aac", SIZE),
        "mpg": ("mpeg2video", "mp2", SIZE),
        "m2ts": ("libx264", "aac", SIZE),
        "vob": ("mpeg1video", "mp2", SIZE),
        "dv": ("dvvideo", None, (720, 576)),
    }
    for ending, (codec, sound, size) in kinds.items():
        frames = np.random.default_rng(0).integers(0, 256, (6, size[1], size[0], 3), np.uint8)
        clip = make_clip(tmp_path / f"clip.{ending}", frames, codec=codec, sound=sound, rate=25)
        content = clip.read_bytes()
        assert inspect(clip).has_end, ending
        for missing in (1, 100, 1000):
            clip.write_bytes(content[:-missing])
            assert not inspect(clip).has_end, (ending, missing)


@pytest.mark.parametrize(
    ("name", "codec", "unit", "start"),
    [
        ("clip.wmv", "wmv2", 3200, b"\x82"),
        ("clip.mpg", "mpeg2video", 2048, b"\0\0\1\xba"),
        ("clip.ts", "libx264", 188 * 50, b"G"),
    ],
)
def test_frames_that_are_missing_in_a_file_are_noted(
    name: str, codec: str, unit: int, start: bytes, pipe: ColorizationPipeline, tmp_path: Path
):
    """FFmpeg passes over a part that it can't read, and says nothing."""
    frames = [np.random.default_rng(k).integers(0, 256, (48, 64, 3), dtype=np.uint8) for k in range(60)]
    options = {"libx264": {"crf": "20", "preset": "ultrafast"}}
    clip = make_clip(tmp_path / name, frames, codec=codec, sound=None, options=options.get(codec, {"b": "1M"}))
    whole = inspect(clip)
    assert (whole.num_frames, whole.num_missing) == (60, 0)
    content = bytearray(clip.read_bytes())
    places = [place for place in range(len(content) // 2, len(content)) if content.startswith(start, place)]
    place = next(place for place in places if content.startswith(start, place + unit))
    content[place : place + 2 * unit] = bytes(2 * unit)
    clip.write_bytes(content)
    damaged = inspect(clip)
    assert damaged.num_missing == 60 - damaged.num_frames > 0
    (note,) = [
        note
        for note in colorize_video(clip, tmp_path / "colored.mkv", pipe).notes
        if note.startswith("frames are missing")
    ]
    assert f"about {damaged.num_missing}, the first at {damaged.first_missing:.1f} seconds" in note
    assert damaged.seconds / 3 < damaged.first_missing < damaged.seconds


def test_a_clip_cut_off_is_named_in_every_container_that_says_how_long_it_is(tmp_path: Path):
    kinds = {
        "wmv": ("wmv2", None),
        "avi": ("mpeg4", "mp2"),
        "flv": ("flv", "libmp3lame"),
        "mkv": ("libx264", "aac"),
        "webm": ("libvpx-vp9", "libopus"),
        "mxf": ("mpeg2video", "pcm_s16le"),
        "ivf": ("libvpx-vp9", None),
    }
    for ending, (codec, sound) in kinds.items():
        options = {"g": "12", "b": "1M", "deadline": "realtime"}
        clip = make_clip(tmp_path / f"clip.{ending}", pan(50), codec=codec, sound=sound, rate=25, options=options)
        assert inspect(clip).num_frames == 50
        if ending == "flv":
            assert inspect(trim(clip, tmp_path / "later.flv", -5)).num_frames == 50
        clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 3 // 10])
        with pytest.raises(VideoError, match=rf"clip\.{ending} is cut off at [01]\.\d of 2\.0 seconds"):
            inspect(clip)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(seconds=0.5), r"pan\.mp4 is longer than the 0\.5 seconds allowed"),
        (Limits(frames=10), r"more than the 10 frames allowed"),
        (Limits(pixels=3000), r"has 64×48 pixels, more than the 0\.003 million allowed"),
        (Limits(bytes=1000), r"more than the 0\.0009\d* allowed"),
    ],
)
def test_limits_hold(limits: Limits, message: str, clip: Path, pipe: ColorizationPipeline, tmp_path: Path):
    assert inspect(clip, Limits(1.1, RATE, 3072, clip.stat().st_size)).num_frames == RATE
    with pytest.raises(VideoError, match=message):
        colorize_video(clip, tmp_path / "colored.mp4", pipe, limits=limits)
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "colored.txt"}, r"end in one of \.mp4"),
        ({"target": "away/colored.mp4"}, r"folder .*away"),
        ({"smoothing": -1}, "smoothing"),
        ({"batch_size": 0}, "batch_size"),
        ({"saturation": 50}, "saturation"),
        ({"resolution": "big"}, "resolution"),
        ({"hints": [(1, 1, (0, 0, 0))]}, "takes no hints"),
        ({"seed": 1}, "takes no seed"),
        ({"scene": "beach"}, "scene"),
        ({"model": "rembrandt"}, "rembrandt"),
    ],
)
def test_wrong_wishes_are_named(
    changes: dict[str, object], message: str, clip: Path, pipe: ColorizationPipeline, tmp_path: Path
):
    arguments = {"target": "colored.mp4", "model": pipe} | changes
    target = tmp_path / arguments.pop("target")
    with pytest.raises(ColorizerError, match=message):
        colorize_video(clip, target, **arguments)
    assert_nothing_left(tmp_path)


def test_a_clip_is_never_overwritten_by_itself(pipe: ColorizationPipeline, tmp_path: Path):
    clip = make_clip(tmp_path / "clip.mp4", pan(2))
    before = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    for target in (clip, tmp_path / "link.mp4"):
        with pytest.raises(VideoError, match="would be overwritten"):
            colorize_video(clip, target, pipe)
    assert clip.read_bytes() == before
