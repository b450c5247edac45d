"""Benchmark of the app's memory and temporary files over many requests.

    python -m benchmarks.memory [--requests 500] [--visitors 4]

Sends photos of all sizes up to 1.9 megapixels to each checkpoint of the package in turn. Prints, ten times, the
resident memory, its peak, and the temporary files, which are deleted after an hour. Memory grows while networks load,
while there are sessions that Gradio will drop later, and while oneDNN compiles and caches kernels for new photo sizes.
After 200 requests of new sizes: 1,406 MB with a cache of 1,024 kernels, 1,317 MB with 256 (as in app.py), 1,196 MB with
16, which makes repeated sizes a third slower; the last with MALLOC_ARENA_MAX=2, 1,062 MB. Memory levels off: 1,322 MB
after 200 and 1,387 MB after 500 requests in one run with 256.
"""

import argparse
import io
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from skimage import data

from benchmarks.app import colorize, running_app, wait_for
from colorizer import list_checkpoints

MEGABYTE = 2**20


def photos(number: int) -> list[bytes]:
    """Return the files of `number` gray photos of different sizes."""
    generator, photo = np.random.default_rng(0), Image.fromarray(data.astronaut()).convert("L")
    files = []
    for _ in range(number):
        size = tuple(int(side) for side in generator.integers(100, 1400, 2))
        file = io.BytesIO()
        photo.resize(size).save(file, "JPEG")
        files.append(file.getvalue())
    return files


def resident(app: psutil.Process) -> tuple[float, float]:
    """Return the app's resident memory and its peak, in MB."""
    status = Path(f"/proc/{app.pid}/status").read_text()
    most = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return app.memory_info().rss / MEGABYTE, int(most.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--visitors", type=int, default=4)
    arguments = parser.parse_args()
    names, files = list_checkpoints(), photos(24)
    with tempfile.TemporaryDirectory() as folder, running_app(GRADIO_TEMP_DIR=folder) as (process, client):
        wait_for(process, client)
        app = psutil.Process(process.pid)
        work = [(files[place % len(files)], names[place % len(names)]) for place in range(arguments.requests)]
        start, tenth = time.perf_counter(), -(-len(work) // 10)
        with ThreadPoolExecutor(arguments.visitors) as visitors:
            for done in range(0, len(work), tenth):
                part = work[done : done + tenth]
                list(visitors.map(lambda given: colorize(client, *given), part))
                now, most = resident(app)
                kept = [path for path in Path(folder).rglob("*") if path.is_file()]
                size = sum(path.stat().st_size for path in kept)
                print(
                    f"{done + len(part):4d} requests, {time.perf_counter() - start:.0f} s: {now:5.0f} MB, peak {most:5.0f}; "
                    f"{len(kept)} files, {size / MEGABYTE:.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
