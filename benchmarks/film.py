"""Benchmark of films: frames per second, and what it costs that the network colors some frames only.

    python -m benchmarks.film [--seconds 1.0]

Three clips of 640 × 480 pan over photos, zoom into them and cut, with the grain of film. Each is colored as usual and with
every frame colored, in turn. Prints the speed and the CPU time of both, the mean ΔE2000 of the usual colors from the others
(goal: at most 0.5), and the flicker of both: how far the color of what stays visible moves from frame to frame, along the
motion, in CIE ab.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import av
import numpy as np
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from colorizer.evaluation.ciede2000 import ciede2000
from colorizer.pipelines.image_colorization import ColorizationPipeline, pipeline
from colorizer.video import colorize_video, inspect, smoothing
from colorizer.video.coloring import NUM_FRAMES
from colorizer.video.frame_network import ColoredFrame, FrameNetwork
from colorizer.video.frames import frames
from colorizer.video.motion import resize_motion, shift

SIZE, RATE = (640, 480), 24
GRAIN = 3.0  # standard deviation, of 255
SMOOTHING = 0.5
# Photos of each clip's scenes: a pan over the first, a zoom into the second.
CLIPS = {"pan": ("coffee", "chelsea"), "portrait": ("chelsea", "astronaut"), "sky": ("astronaut", "rocket")}


class Cost(NamedTuple):
    """Mean ΔE2000 from every frame colored, flicker as usual and with every frame colored, and the share of colored frames."""

    delta: float
    flicker: float
    every_flicker: float
    share: float

    @property
    def note(self) -> str:
        """The cost in words."""
        flicker = f"flicker {self.flicker:.2f} instead of {self.every_flicker:.2f}"
        return f"network on {self.share:.0%} of the frames, ΔE2000 {self.delta:.2f}, {flicker}"


class Speed(NamedTuple):
    """Seconds per frame: of the clock, and of CPU time in all threads."""

    wall: float
    cpu: float


def scenes(photos: tuple[str, ...], seconds: float) -> Iterator[np.ndarray]:
    """Yield gray frames, uint8 (H, W, 3), of a pan, a zoom, and so on, each of so many seconds."""
    generator, count = np.random.default_rng(0), max(2, round(seconds * RATE))
    for number, name in enumerate(photos):
        photo = Image.fromarray(getattr(data, name)()).convert("L")
        widest = min(photo.width, photo.height * SIZE[0] / SIZE[1])
        for along in np.linspace(0, 1, count):
            width = widest * (0.6 if number % 2 == 0 else 0.95 - 0.35 * along)
            center = photo.width / 2 + (widest * 0.3 * (along - 0.5) if number % 2 == 0 else 0)
            half, tall = width / 2, width * SIZE[1] / SIZE[0] / 2
            box = (
                max(0, center - half),
                photo.height / 2 - tall,
                min(photo.width, center + half),
                photo.height / 2 + tall,
            )
            plane = np.asarray(photo.resize(SIZE, Image.Resampling.BILINEAR, box=box))
            plane = plane + GRAIN * generator.standard_normal(plane.shape)
            yield np.repeat(plane.clip(0, 255).astype(np.uint8)[..., None], 3, -1)


def write_clip(path: Path, photos: tuple[str, ...], seconds: float) -> Path:
    """Write a clip of these scenes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        for pixels in scenes(photos, seconds):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    return path


def every_frame() -> Any:
    """Return a context in which the network colors every frame."""
    return mock.patch.object(smoothing, "INTERVAL", 0.0)


def colored(path: Path, pipe: ColorizationPipeline) -> tuple[list[Tensor], list[ColoredFrame]]:
    """Return the lightness and colors of a clip's frames at the network's size."""
    clip = inspect(path)
    network = FrameNetwork.of(pipe, clip)
    batches = list(network.read(frames(clip), NUM_FRAMES))
    lightness = [gray.lightness for batch in batches for gray in batch]
    return lightness, list(network.color(iter(batches), smoothing.Smoother(SMOOTHING), clip.time_base))


def flicker(colorings: list[Tensor], motions: list[smoothing.Motion]) -> float:
    """Return the mean distance of each place's color from its color one frame before, where it shows the same."""
    moved = []
    for before, after, motion in zip(colorings, colorings[1:], motions[1:], strict=False):
        if motion.kept is not None:
            displacement, kept = resize_motion(motion.displacement, motion.kept, after.shape[-2:])
            distance = (after - shift(before, displacement)).norm(dim=0)
            moved.append(float((distance * kept[0]).sum() / kept.sum()))
    return float(np.mean(moved))


def cost(path: Path, pipe: ColorizationPipeline) -> Cost:
    """Compare a clip's usual colors with those of every frame colored."""
    lightness, usual = colored(path, pipe)
    with every_frame():
        _, every = colored(path, pipe)
    motions = [frame.history.motion for frame in usual]
    planes, ours, theirs = (
        torch.stack(lightness),
        *(torch.stack([frame.ab for frame in side]) for side in (usual, every)),
    )
    delta = ciede2000(torch.cat((planes, ours), 1), torch.cat((planes, theirs), 1)).mean()
    flickers = (flicker([frame.ab for frame in side], motions) for side in (usual, every))
    return Cost(float(delta), *flickers, np.mean([motion.is_due for motion in motions]))


def speed(path: Path, pipe: ColorizationPipeline) -> Speed:
    """Color a clip and encode it."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = colorize_video(path, path.with_name("colored.mp4"), pipe, smoothing=SMOOTHING)
    return Speed((time.perf_counter() - wall) / result.num_frames, (time.process_time() - cpu) / result.num_frames)


def film(seconds: float = 1.0, repeats: int = 2) -> dict[str, Any]:
    """Measure a frame of a film of 640 × 480; the peer colors every frame by the network."""
    pipe, ours, peers, costs = pipeline("default"), [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        for name, photos in CLIPS.items():
            path = write_clip(Path(temporary, f"{name}.mp4"), photos, seconds)
            costs.append(cost(path, pipe))  # this also warms up
            usual, every = [], []
            for _ in range(repeats):
                usual.append(speed(path, pipe))
                with every_frame():
                    every.append(speed(path, pipe))
            ours.append(min(usual))
            peers.append(min(every))
            print(f"{name:8} {_in_words(ours[-1], peers[-1])}; {costs[-1].note}", flush=True)
    mean, our, peer = (
        kind(*map(float, np.mean(each, 0))) for kind, each in ((Cost, costs), (Speed, ours), (Speed, peers))
    )
    print(f"{'mean':8} {_in_words(our, peer)}; {mean.note}")
    return {"ours": our.wall, "peer": peer.wall, "peer_name": "every frame colored", "note": mean.note}


def _in_words(our: Speed, peer: Speed) -> str:
    return (
        f"{1 / our.wall:.1f} frames/s, {1000 * our.cpu:.0f} ms of CPU time each; every frame colored {1 / peer.wall:.1f} and "
        f"{1000 * peer.cpu:.0f}: {peer.wall / our.wall:.2f} times as fast, {peer.cpu / our.cpu:.2f} by CPU time"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each scene")
    film(parser.parse_args().seconds)


if __name__ == "__main__":
    main()
