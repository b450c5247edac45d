"""Small clips generated with PyAV, and readers of their frames and sound."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from skimage import data

from colorizer.photos.lightness import compute_lightness

RATE = 24
SIZE = (64, 48)
SAMPLES = 48000  # per second
PITCH = 440  # hertz


def pan(num_frames: int = RATE, size: tuple[int, int] = SIZE, start: int = 0) -> list[np.ndarray]:
    """Return frames of a camera panning over a photo, uint8 (H, W, 3) each."""
    photo = data.coffee()[::4, ::4]
    return [photo[20 : 20 + size[1], start + k : start + k + size[0]].copy() for k in range(num_frames)]


def make_clip(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    sound: str | None = "aac",
    times: Sequence[int] | None = None,
    rotation: int = 0,
    is_mirrored: bool = False,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    metadata: dict[str, str] | None = None,
    rate: int | Fraction = RATE,
    options: dict[str, str] | None = None,
    aspect: Fraction = Fraction(1),
    transfer: int = 2,
) -> Path:
    """Write a clip of RGB or RGBA, `rate` frames per second, with a tone as sound.

    `times` of frames are in milliseconds; `aspect` is that of a pixel, and `transfer` a number of H.273.
    """
    frames = list(frames)
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate, options=options or {"crf": "4", "preset": "ultrafast"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.sample_aspect_ratio, stream.codec_context.color_trc = aspect, transfer
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation or is_mirrored:
            stream.set_display_rotation(rotation, hflip=is_mirrored)
        tones = [] if sound is None else [add_tone(container, sound)]
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba" if pixels.shape[2] == 4 else "rgb24")
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for tone in tones:
            write_tone(container, tone, float(len(frames) / Fraction(rate)))
    return path


def trim(clip: Path, path: Path, seconds: float, **options: str) -> Path:
    """Cut off the start of a clip without re-encoding: the MP4 or MOV has an edit list that hides it."""
    with av.open(str(clip)) as source, av.open(str(path), "w", container_options=options) as container:
        streams = [container.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.size:
                ticks = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
                packet.stream = streams[packet.stream_index]
                container.mux(packet)
    return path


def damage(clip: Path, number: int) -> Path:
    """Overwrite a packet of a clip's video with zeros."""
    with av.open(str(clip)) as container:
        packet = [bytes(packet) for packet in container.demux(video=0) if packet.size][number]
    clip.write_bytes(clip.read_bytes().replace(packet, bytes(len(packet))))
    return clip


def add_tone(container: av.container.OutputContainer, codec: str) -> av.AudioStream:
    """Add an empty sound track."""
    stream = container.add_stream(codec, rate=SAMPLES, layout="mono")
    stream.metadata["language"] = "fin"
    return stream


def write_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    """Write a tone to a sound track."""
    wave = np.float32(0.3) * np.sin(2 * np.pi * PITCH * np.arange(int(SAMPLES * seconds)) / SAMPLES).astype(np.float32)
    tone = av.AudioFrame.from_ndarray(wave[None], "flt", "mono")
    tone.sample_rate, tone.pts, tone.time_base = SAMPLES, 0, Fraction(1, SAMPLES)
    stream.codec_context.open(strict=False)
    resampler = av.AudioResampler(stream.format.name, "mono", SAMPLES, stream.codec_context.frame_size)
    for part in [*resampler.resample(tone), *resampler.resample(None), None]:
        container.mux(stream.encode(part))


def frames_of(path: Path) -> list[np.ndarray]:
    """Decode the frames, uint8 (H, W, 3), without applying the clip's rotation."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def times_of(path: Path) -> list[float]:
    """Return the time of each frame and the end of the last one, in seconds."""
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
        return [*(frame.time for frame in decoded), decoded[-1].time + decoded[-1].duration * decoded[-1].time_base]


def sound_of(path: Path) -> np.ndarray:
    """Decode the first sound track as mono floats."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", SAMPLES)
        parts = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        return np.concatenate([part.to_ndarray()[0] for part in parts])


def pitch_of(path: Path) -> float:
    """Return the loudest frequency of a clip's sound, in hertz."""
    sound = sound_of(path)
    return np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound))))) * SAMPLES / len(sound)


def packets_of(path: Path) -> list[bytes]:
    """Return the encoded packets of the first sound track."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def lightness_of(pixels: np.ndarray) -> np.ndarray:
    """Return CIE L*, 0…100, (H, W)."""
    return compute_lightness(pixels, pixels.shape[:2])[0].numpy()


def chroma_of(pixels: np.ndarray) -> np.ndarray:
    """Return a* and b*, (2, H, W), computed by scikit-image rather than the package."""
    from skimage.color import rgb2lab

    return np.moveaxis(rgb2lab(pixels)[..., 1:], -1, 0)
