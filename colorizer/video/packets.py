"""Packets of a clip, with times that continue where a file has several recordings one after the other."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction

from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream

# Seconds by which the decoding times of a stream may go back or leap within one recording, as in FFmpeg's own tools.
_BACK, _LEAP = 0.1, 10.0
_MAX_STAMP = 2**62
_SKEW = 1.0  # seconds by which the streams of a recording may start before one another


def packets(container: InputContainer, *streams: Stream, timeline: "Timeline | None" = None) -> Iterator[Packet]:
    """Yield the packets of streams (default: all), from the container's position on.

    MPEG recordings can be joined by appending one file to the other. Each then has times of its own, which are shifted so that
    the second follows the first; `timeline` counts such places. The packets with which PyAV flushes decoders are left out.
    An AVI has no times but places, in the order of decoding: what FFmpeg guesses beyond that is replaced by them.
    """
    if not has_jumps(container):
        for packet in _demuxed(container, *streams):
            if not _is_flush(packet):
                if has_no_times(container) and packet.stream.type == "video":
                    packet.pts = packet.dts
                yield packet
        return
    timeline = timeline or Timeline()
    wanted = {stream.index for stream in streams or container.streams}
    for packet in _demuxed(container):  # all, since streams are shifted together
        if not _is_flush(packet):
            timeline.shift(packet)
            if packet.stream_index in wanted:
                yield packet


def _demuxed(container: InputContainer, *streams: Stream) -> Iterator[Packet]:
    """Yield what PyAV demuxes. At its end, it fails if tracks have begun that were not found when the file was opened."""
    with suppress(IndexError):
        yield from container.demux(streams) if streams else container.demux()


def _is_flush(packet: Packet) -> bool:
    return packet.size == 0 and packet.dts is None


def has_jumps(container: InputContainer) -> bool:
    """Return True if times may jump in files of this format."""
    return bool(container.format.flags & Flags.ts_discont.value)


def has_no_times(container: InputContainer) -> bool:
    """Return True if files of this format only have the order in which frames are decoded."""
    return container.format.name == "avi"


class Timeline:
    """Times of recordings that follow one another in a file.

    num_jumps: number of places at which another recording began.
    """

    def __init__(self):
        self.num_jumps = 0
        self._offset = Fraction(0)
        self._offsets: dict[int, Fraction] = {}
        self._last: dict[int, Fraction] = {}
        self._end = Fraction(0)

    def shift(self, packet: Packet) -> None:
        """Shift a packet's times in place. Packets come in the order of the file."""
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None:
            return
        offset = self._offset
        if packet.stream.type in ("video", "audio"):  # others have gaps of any length
            offset = self._offset_of(packet, stamp * packet.time_base)
        if offset:
            ticks = round(offset / packet.time_base)
            packet.dts, packet.pts = _added(packet.dts, ticks), _added(packet.pts, ticks)

    def _offset_of(self, packet: Packet, time: Fraction) -> Fraction:
        """Return the offset of a packet's recording, in seconds."""
        index = packet.stream_index
        offset, last = self._offsets.get(index, self._offset), self._last.get(index)
        duration = (packet.duration or 0) * packet.time_base
        leap = _LEAP + 2 * duration
        if last is not None and not -_BACK <= time + offset - last <= leap:
            # Another stream may have found the new recording already.
            if offset == self._offset or not -_SKEW <= time + self._offset - last <= leap:
                self._offset = self._end - time
                self.num_jumps += 1
            offset = self._offset
        self._offsets[index] = offset
        self._last[index] = time + offset
        self._end = max(self._end, time + offset + duration)
        return offset


def _added(stamp: int | None, ticks: int) -> int | None:
    """Return a later time stamp; None if it has more than 64 bits, as damaged ones may."""
    later = None if stamp is None else stamp + ticks
    return None if later is None or abs(later) > _MAX_STAMP else later
