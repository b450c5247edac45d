"""Benchmark of startup: `import colorizer`, and `python app.py` until it has colored its first photo.

    python -m benchmarks.startup [--model colorful] [--repeats 3]

Each repeat starts new interpreters. The app listens on a free loopback port and, as soon as it listens, receives a
photo to colorize over its HTTP API; the time counts from the start of the process. Prints the best and the worst of the
repeats, and the CPU time that the app used until then: on a busy machine it waits for the rest. Goals: under 0.3 s and
within 10 s.
"""

import argparse
import io
import resource
import subprocess
import sys
import time

from PIL import Image
from skimage import data

from benchmarks.app import REPOSITORY, colorize, running_app, wait_for

IMPORT_GOAL, COLOR_GOAL = 0.3, 10.0


def import_seconds() -> float:
    """Return the seconds that `import colorizer` takes in a new interpreter, without the interpreter's own start."""
    code = "import time; start = time.perf_counter(); import colorizer; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=True).stdout)


def first_color_seconds(photo: bytes, model: str) -> tuple[float, float, float]:
    """Return seconds from starting `python app.py` until it listens and until `photo` is colored, and its CPU time."""
    computed_before = _children_cpu_seconds()
    start = time.perf_counter()
    with running_app() as (app, client):
        wait_for(app, client)
        listening = time.perf_counter() - start
        colored = colorize(client, photo, model)
        answered = time.perf_counter() - start
    with Image.open(io.BytesIO(colored)) as image:
        if image.convert("HSV").getextrema()[1][1] == 0:
            raise RuntimeError("The result is gray.")
    return listening, answered, _children_cpu_seconds() - computed_before


def _children_cpu_seconds() -> float:
    """Return the CPU time, in seconds, of child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="colorful", help="a checkpoint of the package")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    encoded = io.BytesIO()
    Image.fromarray(data.astronaut()).convert("L").save(encoded, "JPEG")

    seconds = [import_seconds() for _ in range(arguments.repeats)]
    print(f"import colorizer: {min(seconds):.3f} to {max(seconds):.3f} s (goal {IMPORT_GOAL} s)")
    times = [first_color_seconds(encoded.getvalue(), arguments.model) for _ in range(arguments.repeats)]
    listening, answered, computed = zip(*times, strict=True)
    print(f"python app.py: listens after {min(listening):.1f} to {max(listening):.1f} s")
    print(
        f"its first photo in color: after {min(answered):.1f} to {max(answered):.1f} s (goal {COLOR_GOAL:.0f} s), "
        f"CPU time {min(computed):.1f} to {max(computed):.1f} s"
    )


if __name__ == "__main__":
    main()
