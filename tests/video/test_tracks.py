"""Tracks other than the picture and its sound: subtitles, chapters, further sound, attached files come through or are named."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.subtitles.subtitle import SubtitleSet

from colorizer import colorize_video
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.video import inspect
from tests.clips import PITCH, RATE, SAMPLES, add_tone, make_clip, pan, pitch_of, sound_of, write_tone

LINES = ((0.1, 0.4, "Hello"), (0.5, 0.9, "Wörld\nagain"))
CHAPTERS = ((0.0, 0.5, "One"), (0.5, 1.0, "Two"))
_MS = Fraction(1, 1000)
_ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, Alignment
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,2

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
# 16×8 pixels of one color at (20, 10) for half a second, as DVDs store them.
_SUBPICTURE = bytes.fromhex(
    "00320014" + 8 * "0001"  # sizes, and the rows, each a run to its end
    + "0000002c0003321004ffff0501402300a011060004000cff"  # show them: palette, contrast, place
    + "0032002c02ff"  # hide them
)  # fmt: skip


def make_rich_clip(path: Path, subtitles: str, *, num_sounds: int = 2, font: bytes | None = None) -> Path:
    """Write one second of video with subtitles, chapters, several sound tracks and an attached file."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        tones = [add_tone(container, "aac") for _ in range(num_sounds)]
        text = container.add_stream(subtitles)
        text.codec_context.subtitle_header, text.codec_context.time_base = _ASS_HEADER, _MS
        text.metadata["language"] = "fin"
        if font is not None:
            container.add_attachment("font.ttf", "font/ttf", font)
        container.set_chapters(
            [
                {
                    "id": k,
                    "start": int(1000 * start),
                    "end": int(1000 * end),
                    "time_base": _MS,
                    "metadata": {"title": title},
                }
                for k, (start, end, title) in enumerate(CHAPTERS, 1)
            ]
        )
        for start, end, line in LINES:
            event = b"0,0,Default,,0,0,0,," + line.replace("\n", "\\N").encode()
            packet = text.codec_context.encode_subtitle(SubtitleSet.create(event, 0, 1))
            packet.stream, packet.time_base = text, _MS
            packet.pts = packet.dts = int(1000 * start)
            packet.duration = int(1000 * (end - start))
            container.mux(packet)
        for number, pixels in enumerate(pan(RATE)):
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for tone in tones:
            write_tone(container, tone, 1)
    return path


def lines_of(path: Path) -> list[tuple[float, float, str]]:
    """Return the start, end and text of each subtitle."""
    lines = []
    with av.open(str(path)) as container:
        for packet in container.demux(subtitles=0):
            for event in packet.decode() if packet.size else []:
                start, text = float(packet.pts * packet.time_base), event.ass.split(b",", 8)[8].decode()
                end = start + float(packet.duration * packet.time_base)
                lines.append((round(start, 3), round(end, 3), text.replace("\\N", "\n")))
    return lines


@pytest.mark.parametrize(
    ("ending", "subtitles", "target", "new"),
    [
        ("mkv", "subrip", "mkv", None),
        ("mkv", "subrip", "mp4", "mov_text"),
        ("mkv", "ass", "mkv", None),
        ("mkv", "ass", "mov", "mov_text"),
        ("mkv", "subrip", "webm", "webvtt"),
        ("mp4", "mov_text", "m4v", None),
        ("mp4", "mov_text", "mkv", "subrip"),
    ],
)
def test_subtitles_chapters_and_all_sound_come_through(
    ending: str, subtitles: str, target: str, new: str | None, pipe: ColorizationPipeline, tmp_path: Path
):
    clip = make_rich_clip(tmp_path / f"clip.{ending}", subtitles, font=b"glyphs" if ending == "mkv" else None)
    assert inspect(clip).num_frames == RATE
    result = colorize_video(clip, tmp_path / f"colored.{target}", pipe)
    lines = lines_of(result.path)
    assert [line for _, _, line in lines] == [line for _, _, line in LINES]
    # Matroska starts with the hidden sound that AAC needs before the first.
    assert [line[:2] for line in lines] == [pytest.approx(line[:2], abs=0.03) for line in LINES]
    notes = " ".join(result.notes)
    assert (new is None) == ("subtitles" not in notes)
    assert new is None or f"from {subtitles}" in notes
    assert ("attached file" in notes) == (ending == "mkv" and target != "mkv")
    with av.open(str(result.path)) as container:
        assert container.streams.subtitles[0].metadata["language"] == "fin"
        assert len(container.streams.audio) == 2
        chapters = container.chapters()
        assert [chapter["metadata"]["title"] for chapter in chapters] == [title for *_, title in CHAPTERS]
        for chapter, (start, end, _) in zip(chapters, CHAPTERS, strict=True):
            assert (chapter["start"] * chapter["time_base"], chapter["end"] * chapter["time_base"]) == (start, end)
        attached = [stream.data for stream in container.streams if stream.type == "attachment"]
        assert attached == ([b"glyphs"] if ending == target == "mkv" else [])
    assert pitch_of(result.path) == pytest.approx(PITCH, abs=3)


def test_tracks_that_can_not_be_kept_are_named(pipe: ColorizationPipeline, tmp_path: Path):
    clip = tmp_path / "clip.ts"
    with av.open(str(clip), "w") as container:
        picture = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        second = container.add_stream("mpeg2video", rate=RATE)
        data = container.add_data_stream("klv")
        for stream in (picture, second):
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, pixels in enumerate(pan(6)):
            for stream in (picture, second):
                frame = av.VideoFrame.from_ndarray(pixels)
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                container.mux(stream.encode(frame))
            packet = av.Packet(b"position")
            packet.stream, packet.time_base = data, Fraction(1, RATE)
            packet.pts = packet.dts = number
            container.mux(packet)
        for stream in (picture, second):
            container.mux(stream.encode(None))
    (note,) = colorize_video(clip, tmp_path / "colored.mp4", pipe).notes
    assert note.startswith("left out: ")
    assert "another video track" in note
    assert "data track" in note


def test_sound_whose_times_run_ahead_of_its_samples_is_converted(pipe: ColorizationPipeline, tmp_path: Path):
    rate = 44100  # of which the packets of a DVD become too few
    clip = tmp_path / "clip.vob"
    with av.open(str(clip), "w", format="dvd") as container:
        picture = container.add_stream("mpeg2video", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16be", rate=rate, layout="mono")
        for pixels in pan(50):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(picture.encode(None))
        wave = np.int16(9000 * np.sin(2 * np.pi * PITCH * np.arange(2 * rate) / rate))
        for start in range(0, len(wave), 1024):
            part = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "s16", "mono")
            part.sample_rate, part.pts, part.time_base = rate, start, Fraction(1, rate)
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    for ending in ("webm", "mp4"):
        result = colorize_video(clip, tmp_path / f"colored.{ending}", pipe)
        assert pitch_of(result.path) == pytest.approx(PITCH, abs=1)
        assert len(sound_of(result.path)) == pytest.approx(2 * SAMPLES, rel=0.05)


def test_a_gap_in_converted_sound_stays(pipe: ColorizationPipeline, tmp_path: Path):
    whole = make_clip(tmp_path / "whole.mkv", pan(48), sound="flac")
    clip = tmp_path / "clip.mkv"
    with av.open(str(whole)) as source, av.open(str(clip), "w") as container:
        streams = [container.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            is_left_out = packet.stream.type == "audio" and packet.size and 0.5 <= packet.pts * packet.time_base < 1
            if packet.size and not is_left_out:
                packet.stream = streams[packet.stream_index]
                container.mux(packet)
    result = colorize_video(clip, tmp_path / "colored.mov", pipe)
    with av.open(str(result.path)) as container:
        times = [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.size]
    assert max(np.diff(times)) == pytest.approx(0.5, abs=0.05)
    assert times[-1] == pytest.approx(2, abs=0.05)


def test_what_becomes_stereo_is_noted(pipe: ColorizationPipeline, tmp_path: Path):
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        picture = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=SAMPLES, layout="5.1")
        for pixels in pan(6):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(picture.encode(None))
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 6 * SAMPLES // 4), np.int16), "s16", "5.1")
        noise.sample_rate = SAMPLES
        container.mux([*sound.encode(noise), *sound.encode(None)])
    (note,) = colorize_video(clip, tmp_path / "colored.mp4", pipe).notes
    assert "from pcm_s16le" in note
    assert note.endswith("6 channels mixed to stereo")


def test_a_time_code_is_named(pipe: ColorizationPipeline, tmp_path: Path):
    clip = make_clip(tmp_path / "clip.mov", pan(6), sound=None, metadata={"timecode": "10:00:00:00"})
    result = colorize_video(clip, tmp_path / "colored.mkv", pipe)
    assert result.notes == ("left out: the time code",)


@pytest.mark.parametrize(("given", "named"), [("deu", "ger"), ("swe", "sve"), ("fin", "fin")])
def test_languages_have_quicktimes_names_in_mov_alone(
    given: str, named: str, pipe: ColorizationPipeline, tmp_path: Path
):
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        picture = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        tone = add_tone(container, "aac")
        tone.metadata["language"] = given
        for pixels in pan(6):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(picture.encode(None))
        write_tone(container, tone, 0.25)
    mov = colorize_video(clip, tmp_path / "colored.mov", pipe).path
    mkv = colorize_video(mov, tmp_path / "colored.mkv", pipe).path
    for path, language in ((mov, named), (mkv, "ger" if given == "deu" else given)):  # ISO 639-2 has both of these
        with av.open(str(path)) as container:
            assert container.streams.audio[0].metadata["language"] == language


def test_subtitles_of_a_dvd_may_begin_late(pipe: ColorizationPipeline, tmp_path: Path):
    """Later than FFmpeg looks for tracks of itself: 7 seconds."""
    clip, rate, second = tmp_path / "clip.vob", 25, 9
    with av.open(str(clip), "w", format="dvd") as container:
        picture = container.add_stream("mpeg2video", rate=rate)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        subtitles = container.add_stream("dvdsub")
        subtitles.codec_context.time_base = _MS
        container.start_encoding()
        for number, pixels in enumerate([*pan(10)] * rate):
            if number == second * rate:
                packet = av.Packet(_SUBPICTURE)
                packet.stream, packet.time_base, packet.pts, packet.dts = subtitles, _MS, 1000 * second, 1000 * second
                container.mux(packet)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(picture.encode(None))
    assert inspect(clip).num_frames == 10 * rate
    result = colorize_video(clip, tmp_path / "colored.mkv", pipe, smoothing=2)
    assert result.notes == ("left out: the menu of the DVD",)
    with av.open(str(result.path)) as container:
        (kept,) = [packet for packet in container.demux(subtitles=0) if packet.size]
    assert bytes(kept) == _SUBPICTURE
    assert float(kept.pts * kept.time_base) == pytest.approx(second, abs=0.02)
