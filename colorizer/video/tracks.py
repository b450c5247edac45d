"""The clip's tracks other than the picture, in a result: sound, subtitles, attached files, chapters."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from colorizer.errors import VideoError
from colorizer.video.containers import has_attachments
from colorizer.video.frames import Clip
from colorizer.video.packets import packets
from colorizer.video.sound import SoundTrack
from colorizer.video.subtitles import SubtitleTrack


class Tracks:
    """Tracks and chapters of a clip, added to an output container.

    notes: what was changed or left out.
    """

    def __init__(
        self,
        clip: Clip,
        container: InputContainer,
        picture: VideoStream,
        output: OutputContainer,
        ending: str,
        may_copy: bool,
    ):
        """Add everything but `picture`. Sound is re-encoded unless it `may_copy`."""
        self._container, self._name = container, clip.name
        self._tracks: dict[int, SoundTrack | SubtitleTrack] = {}
        left_out: Counter[str] = Counter()
        for stream in container.streams:
            if stream.type == "audio" and stream.codec_context is not None:
                self._tracks[stream.index] = SoundTrack(stream, output, ending, clip.start, may_copy=may_copy)
            elif stream.type == "subtitle" and (track := SubtitleTrack.kept(stream, output, ending, clip.start)):
                self._tracks[stream.index] = track
            elif stream.type == "attachment" and has_attachments(ending):
                output.add_attachment(stream.metadata.get("filename", "file"), stream.mimetype or "", stream.data)
            elif stream != picture and not _is_chapter_text(stream, container):
                left_out[_describe(stream)] += 1
        if chapters := container.chapters():
            output.set_chapters([_shifted(chapter, clip.start) for chapter in chapters])
        self.notes = tuple(dict.fromkeys(track.note for track in self._tracks.values() if track.note))
        if left_out:
            names = (f"{count} × {name}" if count > 1 else name for name, count in left_out.items())
            self.notes += (f"left out: {', '.join(names)}",)

    def packets(self) -> Iterator[list[Packet]]:
        """Yield the packets to write, a few of one track at a time. Raises VideoError if the clip can't be read."""
        for packet in self._read():
            yield self._tracks[packet.stream_index].take(packet)
        for track in self._tracks.values():
            yield track.take(None)

    def _read(self) -> Iterator[Packet]:
        if not self._tracks:
            return
        try:
            yield from packets(self._container, *(self._container.streams[index] for index in self._tracks))
        except (av.FFmpegError, OSError) as error:
            raise VideoError(f"The sound of {self._name} can't be read to the end: {error}.") from error


def _describe(stream: Stream) -> str:
    if stream.type == "video":
        return "the cover picture" if stream.disposition & Disposition.attached_pic else "another video track"
    if stream.type == "attachment":
        return "an attached file"
    if stream.type == "data" and "timecode" in stream.metadata:
        return "the time code"
    if stream.type == "data" and stream.name == "dvd_nav_packet":
        return "the menu of the DVD"
    context = stream.codec_context
    kind = stream.name or "unknown" if context is None else context.codec.canonical_name
    return {"audio": "sound", "subtitle": "subtitles"}.get(stream.type, f"a {stream.type} track") + f" ({kind})"


def _is_chapter_text(stream: Stream, container: InputContainer) -> bool:
    """Return True for the track in which MP4 files have the titles of their chapters."""
    return stream.type == "data" and stream.name == "bin_data" and bool(container.chapters())


def _shifted(chapter: dict, start: Fraction) -> dict:
    """Return a chapter in times since the clip's start."""
    ticks = round(start / chapter["time_base"])
    return chapter | {"start": max(0, chapter["start"] - ticks), "end": max(0, chapter["end"] - ticks)}
