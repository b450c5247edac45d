"""All figures of speed in one table: ours, a peer in the same run, the ratio, the share of each step, the peak of memory.

    python -m benchmarks [--json FILE] [--readme README.md] [--figure NAME …]

Each figure is measured in a process of its own, first alone and then beside two busy processes. Peers that are not installed
are left out. `--readme` puts the table between the comments `speed` of a page; with `--from FILE` of an earlier run.
"""

import argparse
import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.app import REPOSITORY
from benchmarks.figures import FIGURES

COLUMNS = ("figure", "s", "beside two busy processes, s", "peer, s", "times as fast", "steps or note", "peak, MB")


def measure(name: str) -> dict[str, Any]:
    """Measure a figure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks", "--one", name]
    finished = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode:
        raise RuntimeError(f"{name} could not be measured: exit code {finished.returncode}.")
    return json.loads(finished.stdout.splitlines()[-1])


@contextlib.contextmanager
def busy_processes(count: int = 2) -> Iterator[None]:
    """Keep other processes busy meanwhile."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def to_row(name: str, result: dict[str, Any]) -> str:
    """Return a row of the table."""
    ours, total = result["ours"], sum(result.get("steps", {}).values())
    peer = f"{result['peer']:.3g} ({result['peer_name']})" if "peer" in result else "–"
    ratio = f"{result['peer'] / ours:.1f}" if "peer" in result else "–"
    steps = ", ".join(f"{step} {seconds / total:.0%}" for step, seconds in result.get("steps", {}).items())
    steps = steps or result.get("note", "–")
    return f"| {name} | {ours:.3g} | {result['busy']:.3g} | {peer} | {ratio} | {steps} | {result['peak']:.0f} |"


def to_table(results: dict[str, dict[str, Any]]) -> str:
    """Return the table in Markdown."""
    heading = f"| {' | '.join(COLUMNS)} |\n|---|---:|---:|---|---:|---|---:|\n"
    return heading + "\n".join(to_row(name, result) for name, result in results.items())


def main() -> None:
    """Measure, print the table, and keep it where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", nargs="+", choices=FIGURES, default=list(FIGURES), help="only these")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    parser.add_argument(
        "--from", dest="earlier", type=Path, metavar="FILE", help="show the figures of an earlier --json"
    )
    parser.add_argument("--readme", type=Path, metavar="FILE", help="also replace the table of this page")
    parser.add_argument("--one", choices=FIGURES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        result = FIGURES[arguments.one]()
        result["peak"] = max(
            resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(f"\n{json.dumps(result)}")
        return
    if arguments.earlier:
        results = json.loads(arguments.earlier.read_text(encoding="utf-8"))
    else:
        results = {name: measure(name) for name in arguments.figure}
        with busy_processes():
            for name in arguments.figure:
                results[name]["busy"] = measure(name)["ours"]
    table = to_table(results)
    print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if arguments.readme:
        from colorizer.release.readme_tables import replace_section

        page = arguments.readme.read_text(encoding="utf-8")
        arguments.readme.write_text(replace_section(page, "speed", table), encoding="utf-8")


if __name__ == "__main__":
    main()
