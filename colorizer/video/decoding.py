"""Decoding of a clip's frames: deinterlaced, and complete where some of them are damaged."""

import heapq
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from colorizer.video.opening import damage
from colorizer.video.packets import has_no_times, packets
from colorizer.video.png_packets import CODECS, without_surplus

# "Bob Weaver", of yadif and the BBC's w3fdif. Keeps the number of frames, and progressive ones as they are.
_DEINTERLACER = "bwdif", "mode=send_frame:deint=interlaced"
_FEWEST_LINES = 4  # for the deinterlacer


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded frame, and its time stamp in the file, in ticks of the stream; None if it has none.

    is_damaged: True if it could not be decoded, so that `frame` is the one before. is_guessed: True if the decoder had to
    guess a part of it. was_interlaced: True if it was.
    """

    frame: VideoFrame
    pts: int | None
    duration: int
    is_damaged: bool = False
    was_interlaced: bool = False
    is_guessed: bool = False


def decode(container: InputContainer, stream: VideoStream, name: str) -> Iterator[Decoded]:
    """Yield the frames of a stream from the container's position on, in the order of their times.

    A frame that can't be decoded, or has no data (which codecs use for "as before"), repeats the one before, or, at the start,
    the one after. Raises VideoError where the file can't be read.
    """
    holes: list[tuple[int, bool]] = []  # time stamps of frames that are missing, and whether they are damaged
    last = None
    for found in _deinterlace(_frames(container, stream, name, holes), stream.time_base):
        yield from _repeats(last or found, holes, found.pts)
        last = found
        yield found
    if last is not None:
        yield from _repeats(last, holes, None)


def _frames(
    container: InputContainer, stream: VideoStream, name: str, holes: list[tuple[int, bool]]
) -> Iterator[VideoFrame]:
    """Decode frames, and add those that are missing to `holes`."""
    time, stamps, has_begun = 0.0, [], False
    is_sorted, is_png = has_no_times(container), stream.codec_context.name in CODECS
    max_pixels = int(stream.codec_context.options["max_pixels"])  # the decoder takes it away
    try:
        for packet in packets(container, stream):
            stamp = packet.dts if packet.pts is None else packet.pts
            if packet.size == 0:
                heapq.heappush(holes, (stamp, False))
                continue
            try:
                decoded = stream.codec_context.decode(without_surplus(packet, max_pixels) if is_png else packet)
            except av.FFmpegError:
                if not packet.is_discard and stamp is not None:
                    heapq.heappush(holes, (stamp, True))
                continue
            # Once the decoder has begun, a packet without a frame is one that only says "as before".
            if is_sorted and stamp is not None and (decoded or not has_begun):
                heapq.heappush(stamps, stamp)
            for frame in decoded:
                has_begun = True
                time = frame.time or time
                yield _restamped(frame, stamps)
        with suppress(av.FFmpegError):
            for frame in stream.codec_context.decode(None):
                yield _restamped(frame, stamps)
    except (av.FFmpegError, OSError) as error:
        raise damage(name, time, error) from error


def _restamped(frame: VideoFrame, stamps: list[int]) -> VideoFrame:
    """Give a frame the first of the time stamps that are left, if there are any: the order of frames is that of their times."""
    if stamps:
        frame.pts = heapq.heappop(stamps)
    return frame


def _repeats(last: Decoded, holes: list[tuple[int, bool]], before: int | None) -> Iterator[Decoded]:
    """Yield `last` for each missing frame before a time stamp (None: for all of them)."""
    while holes and (before is None or holes[0][0] <= before):
        stamp, is_damaged = heapq.heappop(holes)
        if stamp != before:  # else it could be decoded after all
            yield replace(last, pts=stamp, is_damaged=is_damaged, is_guessed=False)


def _deinterlace(frames: Iterator[VideoFrame], time_base: Fraction) -> Iterator[Decoded]:
    """Yield the frames, deinterlaced from the first interlaced one on; frames that are progressive are not changed."""
    deinterlacer: _Deinterlacer | None = None
    for frame in frames:
        kind = frame.format.name, frame.width, frame.height
        if deinterlacer is not None and deinterlacer.kind != kind:
            yield from deinterlacer.feed(None)
            deinterlacer = None
        if deinterlacer is None and frame.interlaced_frame and frame.height >= _FEWEST_LINES:
            deinterlacer = _Deinterlacer(kind, time_base)
        if deinterlacer is None:
            yield Decoded(frame, frame.pts, frame.duration, is_guessed=frame.is_corrupt)
        else:
            yield from deinterlacer.feed(frame)
    if deinterlacer is not None:
        yield from deinterlacer.feed(None)


class _Deinterlacer:
    """FFmpeg's filter, for frames of one kind: (pixel format, width, height). It needs the frame after each one."""

    def __init__(self, kind: tuple[str, int, int], time_base: Fraction):
        self.kind = kind
        self._graph = Graph()
        source = self._graph.add_buffer(width=kind[1], height=kind[2], format=kind[0], time_base=time_base)
        self._graph.link_nodes(source, self._graph.add(*_DEINTERLACER), self._graph.add("buffersink")).configure()
        self._waiting: list[Decoded] = []

    def feed(self, frame: VideoFrame | None) -> Iterator[Decoded]:
        """Yield the frames that are ready after another frame, or, with None, those that are left."""
        if frame is not None:
            self._waiting.append(
                Decoded(frame, frame.pts, frame.duration, False, frame.interlaced_frame, frame.is_corrupt)
            )
        self._graph.push(frame)
        while self._waiting:
            try:
                ready = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            # The filter counts in half ticks, and some of its times are guesses.
            yield replace(self._waiting.pop(0), frame=ready)
