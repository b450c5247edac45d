"""RealMedia, whose packets have times and whose parts say how large they are."""

from pathlib import Path

import numpy as np

from colorizer.video.frames import inspect
from tests.clips import make_clip


def test_frames_that_are_missing_in_a_realmedia_file_are_counted(tmp_path: Path):
    frames = [np.random.default_rng(k).integers(0, 256, (48, 64, 3), dtype=np.uint8) for k in range(60)]
    clip = make_clip(tmp_path / "clip.rm", frames, codec="rv20", sound=None, options={"b": "1M"})
    content = bytearray(clip.read_bytes())
    assert inspect(clip).num_missing == 0
    middle = len(content) // 2
    content[middle : middle + 6000] = bytes(6000)
    clip.write_bytes(content)
    damaged = inspect(clip)
    assert damaged.num_missing == 60 - damaged.num_frames > 0
