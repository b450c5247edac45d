"""Muxing of the colored pieces and the clip's own sound into one file."""

import heapq
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from colorizer.errors import VideoError
from colorizer.photos.marks import Mark, find_mark, without_mark
from colorizer.photos.saving import describe
from colorizer.video.frames import Clip
from colorizer.video.opening import open_container

# Audio codecs that players support in each container (None: any that it takes), and the encoder for other codecs.
_MPEG = {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}
_SOUND = {
    ".mp4": (_MPEG, "aac"),
    ".m4v": (_MPEG, "aac"),
    ".mov": (_MPEG | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"}, "aac"),
    ".mkv": (None, "aac"),
    ".webm": ({"opus", "vorbis"}, "libopus"),
}
_USUAL_RATE = 48000
_BIT_RATE = 96_000  # per channel
# Tags about the file, not about the clip.
_OWN_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "software", "duration"}

# Decoding time in seconds, and packets of one stream.
_Timed = tuple[float, list[Packet]]


def join(clip: Clip, pieces: list[Path], last_duration: int, path: Path, model: str) -> tuple[str, ...]:
    """Write the result, with `model`'s name in its metadata, to a container given by the extension of `path`.

    `last_duration` is the last frame's duration in the clip's ticks. Audio that the container supports is copied, other
    audio is re-encoded. Returns notes on what was changed. Raises PyAV's errors where the file can't be written, VideoError
    where the clip can't be read.
    """
    with ExitStack() as open_files:
        first = open_files.enter_context(av.open(_address(pieces[0])))
        options = {"movflags": "+faststart"} if path.suffix in (".mp4", ".m4v", ".mov") else {}
        output = open_files.enter_context(av.open(_address(path), "w", container_options=options))
        output.metadata.update(_metadata(clip, model))
        picture = output.add_stream_from_template(first.streams.video[0])
        picture.codec_context.framerate = clip.rate
        sources: list[Iterable[_Timed]] = [_picture(pieces, picture, last_duration * clip.time_base)]
        notes: tuple[str, ...] = ()
        if clip.has_sound:
            container = open_files.enter_context(open_container(clip.path))
            tracks = {}
            for stream in container.streams.audio:
                if stream.codec_context is None:
                    notes += ("a sound track with an unknown codec was left out",)
                else:
                    tracks[stream.index] = track = _Track(stream, output, path.suffix, clip.start)
                    notes += track.notes
            sources.append(_sound(container, tracks, clip.name))
        for _, packets in heapq.merge(*sources, key=lambda timed: timed[0]):
            output.mux(packets)
    return notes


def _address(path: Path) -> str:
    return f"file:{os.path.abspath(path)}"


def _metadata(clip: Clip, model: str) -> dict[str, str]:
    kept = {name.lower(): value for name, value in clip.metadata.items() if name.lower() not in _OWN_TAGS}
    own = without_mark(kept.get("comment", "")).replace(describe(model), "").strip(" .")
    description = describe(model, clip.mark)
    kept["comment"] = f"{own}. {description}" if own else description
    return kept


def read_mark(path: str | os.PathLike) -> Mark | None:
    """Return the mark in a colored clip, or None if it has none or can't be read."""
    try:
        with av.open(_address(path), metadata_errors="replace") as container:
            return find_mark(" ".join(container.metadata.values()))
    except (av.FFmpegError, OSError, ValueError):
        return None


def _picture(pieces: list[Path], stream: VideoStream, last_duration: Fraction) -> Iterator[_Timed]:
    """Yield the packets of all pieces, each with its duration until the next."""
    waiting: Packet | None = None
    for piece in pieces:
        with av.open(_address(piece)) as container:
            for packet in container.demux(video=0):
                if packet.size == 0:
                    continue
                if waiting is not None:
                    waiting.duration = packet.pts - waiting.pts
                    yield _timed(waiting, stream)
                waiting = packet
    waiting.duration = round(last_duration / waiting.time_base)
    yield _timed(waiting, stream)


def _timed(packet: Packet, stream: VideoStream | AudioStream) -> _Timed:
    time = float(packet.dts * packet.time_base)
    packet.stream = stream
    return time, [packet]


class _Track:
    """One audio track: copied if the container supports its codec, else re-encoded."""

    def __init__(self, source: AudioStream, output: OutputContainer, ending: str, start: Fraction):
        kinds, encoder = _SOUND[ending]
        kind = source.codec_context.codec.canonical_name
        self._offset = round(start / source.time_base)
        self._last: int | None = None
        self._resampler: AudioResampler | None = None
        self.notes: tuple[str, ...] = ()
        self._stream = self._copied(source, output) if kinds is None or kind in kinds else None
        if self._stream is None:
            self._stream = self._encoded(source, output, encoder)
            self.notes = (
                f"its sound was converted from {kind}, which {ending} does not support, to {encoder.removeprefix('lib')}",
            )
        for name in {"language", "title"} & set(source.metadata):
            self._stream.metadata[name] = source.metadata[name]
        self._stream.disposition = source.disposition

    def take(self, packet: Packet) -> _Timed | None:
        """Copy or re-encode a packet of the clip; None if no output is ready. The last, empty packet flushes the encoder."""
        if self._resampler is not None:
            return self._encode(packet)
        if packet.size == 0 or packet.dts is None:
            return None
        # Times must increase, whatever the file says: containers require it.
        dts = packet.dts - self._offset
        dts = dts if self._last is None else max(dts, self._last + 1)
        packet.pts = dts if packet.pts is None else max(packet.pts - self._offset, dts)
        packet.dts = self._last = dts
        return _timed(packet, self._stream)

    def _encode(self, packet: Packet) -> _Timed | None:
        packets = []
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            return None  # damage becomes a moment of silence
        for frame in [*frames, *([None] if packet.size == 0 else [])]:
            if frame is not None and frame.pts is not None:
                frame.pts -= self._offset
            for resampled in self._resampler.resample(frame):
                packets += self._stream.encode(resampled)
        if packet.size == 0:
            packets += self._stream.encode(None)
        return (float(packets[0].dts * packets[0].time_base), packets) if packets else None

    @staticmethod
    def _copied(source: AudioStream, output: OutputContainer) -> AudioStream | None:
        try:
            return output.add_stream_from_template(source)
        except ValueError:  # not supported by this container
            return None

    def _encoded(self, source: AudioStream, output: OutputContainer, encoder: str) -> AudioStream:
        rates = av.Codec(encoder, "w").audio_rates
        rate = source.rate if rates is None or source.rate in rates else _USUAL_RATE
        layout = "mono" if source.channels == 1 else "stereo"
        stream = output.add_stream(encoder, rate=rate, layout=layout, bit_rate=_BIT_RATE * (1 + (layout == "stereo")))
        stream.codec_context.open()
        self._resampler = AudioResampler(stream.format.name, layout, rate, frame_size=stream.codec_context.frame_size)
        return stream


def _sound(container: InputContainer, tracks: dict[int, _Track], name: str) -> Iterator[_Timed]:
    try:
        for packet in container.demux(audio=tuple(range(len(container.streams.audio)))):
            track = tracks.get(packet.stream.index)
            if track is not None and (timed := track.take(packet)) is not None:
                yield timed
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"The sound of {name} can't be read to the end: {error}.") from error
