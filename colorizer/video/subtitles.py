"""Subtitles of a result: copied if its container takes them, else converted if they are text."""

from fractions import Fraction

import av
from av.container import OutputContainer
from av.packet import Packet
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet

from colorizer.video.containers import can_copy, copy_labels

_ENCODERS = {".mp4": "mov_text", ".m4v": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}
_TICK = Fraction(1, 1000)  # seconds; Matroska's and WebM's
_NOTHING = b"", b"\0\0"  # the latter between two of MPEG-4's, whose muxer adds it
_FIELDS = 8  # of an ASS event before its text


class SubtitleTrack:
    """One subtitle track. `note` says that it was converted; it is empty if it was copied."""

    @classmethod
    def kept(
        cls, source: SubtitleStream, output: OutputContainer, ending: str, start: Fraction
    ) -> "SubtitleTrack | None":
        """Add the track to `output`, as it is or converted; return None if its container can't have it.

        `start` is the clip's, in seconds.
        """
        if source.codec_context is None:
            return None
        is_copied = can_copy(source, ending)
        return (
            cls(source, output, ending, start, is_copied) if is_copied or source.codec_context.codec.text_sub else None
        )

    def __init__(self, source: SubtitleStream, output: OutputContainer, ending: str, start: Fraction, is_copied: bool):
        """Add the track to `output`; see `kept`."""
        self._offset = round(start / source.time_base)
        self._source = source
        self._is_copied = is_copied
        self.note = ""
        if self._is_copied:
            self._stream = output.add_stream_from_template(source)
        else:
            source.codec_context.open(strict=False)  # else it has no header yet
            self._stream = output.add_stream(_ENCODERS[ending])
            context = self._stream.codec_context
            context.subtitle_header, context.time_base = source.codec_context.subtitle_header, _TICK
            kind = source.codec_context.codec.canonical_name
            self.note = (
                f"its subtitles were converted from {kind}, which {ending} does not support, to {_ENCODERS[ending]}"
            )
        copy_labels(source, self._stream, ending)

    def take(self, packet: Packet | None) -> list[Packet]:
        """Return the packets to write after another one of the clip; None stands for its end."""
        if packet is None or packet.pts is None or bytes(packet) in _NOTHING:
            return []
        taken = packet if self._is_copied else self._convert(packet)
        if taken is None:
            return []
        taken.pts = taken.dts = packet.pts - self._offset
        taken.stream = self._stream
        return [taken]

    def _convert(self, packet: Packet) -> Packet | None:
        """Encode a packet's text again; None if it has none."""
        try:
            events = [event.ass for event in self._source.codec_context.decode(packet)]
        except av.error.InvalidDataError:
            return None
        if not events:
            return None
        first, *others = events
        text = b"\\N".join((first, *(event.split(b",", _FIELDS)[-1] for event in others)))
        converted = self._stream.codec_context.encode_subtitle(SubtitleSet.create(text, 0, 1))
        converted.time_base, converted.duration = packet.time_base, packet.duration
        return converted
