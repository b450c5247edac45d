"""Sound tracks of a result: copied if its container and players support their codec, else re-encoded."""

from fractions import Fraction
from math import ceil

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from colorizer.video.containers import MPEG_ENDINGS, can_copy, copy_labels
from colorizer.video.packets import packets

# Codecs that players support in each container (None: any that it takes), and the encoder for other codecs.
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
_PRIMING = 0.06  # seconds of hidden sound before the first: encoders need up to 2112 samples


class SoundTrack:
    """One sound track. `note` says why it was re-encoded; it is empty if it was copied."""

    def __init__(
        self, source: AudioStream, output: OutputContainer, ending: str, start: Fraction, *, may_copy: bool = True
    ):
        """Add the track to `output`; `start` is the clip's, in seconds. Unless it `may_copy`, it is always re-encoded."""
        kinds, encoder = _SOUND[ending]
        kind, new = source.codec_context.codec.canonical_name, encoder.removeprefix("lib")
        self._offset = round(start / source.time_base)
        self._last: int | None = None
        self._resampler: AudioResampler | None = None
        self._due: Fraction | None = None  # time of the next frame to encode, in seconds, if there is no gap before it
        self.note = ""
        if (kinds is not None and kind not in kinds) or not can_copy(source, ending):
            self.note = f"its sound was converted from {kind}, which {ending} does not support, to {new}"
        elif not may_copy:
            self.note = f"its sound was re-encoded as {new}, since it could not be copied to {ending} as it is"
        if self.note:
            if source.channels > 2:
                self.note += f", and its {source.channels} channels mixed to stereo"
            self._stream = self._encoded(source, output, encoder)
        else:
            self._stream = output.add_stream_from_template(source)
        copy_labels(source, self._stream, ending)

    def take(self, packet: Packet | None) -> list[Packet]:
        """Return the packets to write after another one of the clip; None flushes the encoder."""
        if self._resampler is not None:
            return self._encode(packet)
        if packet is None or packet.size == 0 or packet.dts is None:
            return []
        # Times must increase, whatever the file says: containers require it.
        dts = packet.dts - self._offset
        dts = dts if self._last is None else max(dts, self._last + 1)
        packet.pts = dts if packet.pts is None else max(packet.pts - self._offset, dts)
        packet.dts = self._last = dts
        packet.stream = self._stream
        return [packet]

    def _encode(self, packet: Packet | None) -> list[Packet]:
        encoded = []
        try:
            frames = [None] if packet is None else packet.decode()
        except av.error.InvalidDataError:
            return []  # damage becomes a moment of silence
        for frame in frames:
            if frame is not None and frame.pts is not None:
                frame.pts -= self._offset
            for resampled in self._resampler.resample(frame):
                self._keep_in_order(resampled)
                encoded += self._stream.encode(resampled)
        return encoded + (self._stream.encode(None) if packet is None else [])

    def _keep_in_order(self, frame: AudioFrame) -> None:
        """Move a frame that would begin before the end of the one before, which encoders refuse.

        The resampler makes some where the clip's times run ahead of its samples.
        """
        if self._due is not None and (frame.pts is None or frame.pts * frame.time_base < self._due):
            frame.pts = ceil(self._due / frame.time_base)
        if frame.pts is not None:
            self._due = frame.pts * frame.time_base + Fraction(frame.samples, frame.sample_rate)

    def _encoded(self, source: AudioStream, output: OutputContainer, encoder: str) -> AudioStream:
        rates = av.Codec(encoder, "w").audio_rates
        rate = source.rate if rates is None or source.rate in rates else _USUAL_RATE
        layout = "mono" if source.channels == 1 else "stereo"
        stream = output.add_stream(encoder, rate=rate, layout=layout, bit_rate=_BIT_RATE * (1 + (layout == "stereo")))
        stream.codec_context.open()
        self._resampler = AudioResampler(stream.format.name, layout, rate, frame_size=stream.codec_context.frame_size)
        return stream


def begins_hidden(container: InputContainer, ending: str) -> bool:
    """Return True if sound that was cut off at the start would be heard again in a result with this ending.

    Clips trimmed without re-encoding still have it, and an edit list that hides it; of our containers only those of MPEG-4
    have edit lists. Consumes the container's packets.
    """
    if ending in MPEG_ENDINGS:
        return False
    hidden = dict.fromkeys((stream.index for stream in container.streams.audio), Fraction(0))
    for packet in packets(container, *container.streams.audio):
        if packet.is_discard:
            hidden[packet.stream_index] += (packet.duration or 0) * packet.time_base
        elif hidden.pop(packet.stream_index, 0) > _PRIMING:
            return True
        if not hidden:
            break
    return False
