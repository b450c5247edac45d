"""Fuzzers of everything that a stranger can send: photos, checkpoints, arguments, calls of the app, and clips.

    python -m benchmarks.robustness [KIND …] [--n 10000] [--start 0]
    python -m benchmarks.robustness photos --seed 1234

Each input is made from its seed by the fuzzers in `tests/robustness`, changed in its parts, and tried in a child process. A
fault is any exception but ColorizerError, a wrong picture, a message that isn't whole sentences on one line, and more than 10
seconds of computing or 1.5 GB. Every fault is printed with the command that makes it again.
"""

import argparse
import sys

from tests.robustness.running import KINDS, Result, Tally, run

HEADINGS = ("", "tried", "held", "refused", "faults", "worst time", "worst memory")


def print_fault(kind: str, result: Result) -> None:
    """Print a fault and how to make it again."""
    print(f"\n{kind} {result.seed}: {result.text.strip()}", file=sys.stderr)
    print(f"    python -m benchmarks.robustness {kind} --seed {result.seed}", file=sys.stderr, flush=True)


def to_row(kind: str, tally: Tally) -> str:
    """Return a row of the table."""
    counts = f"{tally.tried:,} | {tally.held:,} | {tally.refused:,} | {len(tally.faults):,}"
    return f"| {kind} | {counts} | {tally.seconds:.1f} s | {tally.megabytes:,.0f} MB |"


def main() -> int:
    """Run the fuzzers, print a table, and return 1 if there were faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)} (default: all)")
    parser.add_argument("--n", type=int, default=1000, help="inputs of each kind (default: 1000)")
    parser.add_argument("--start", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument("--seed", type=int, help="try only this one, and print its result")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"there is no kind {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    first, count = (arguments.start, arguments.n) if arguments.seed is None else (arguments.seed, 1)
    tallies = {}
    for kind in arguments.kinds or KINDS:
        tallies[kind] = tally = Tally()
        for result in run(kind, range(first, first + count)):
            tally.add(result)
            if result.verdict == "fault":
                print_fault(kind, result)
            elif arguments.seed is not None:
                print(f"{kind} {result.seed}: {result.verdict}. {result.text}")
    print(f"\n| {' | '.join(HEADINGS).strip()} |\n|---|{'---:|' * (len(HEADINGS) - 1)}")
    print("\n".join(to_row(kind, tally) for kind, tally in tallies.items()))
    return int(any(tally.faults for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
