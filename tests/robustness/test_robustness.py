"""Bad inputs of every kind are refused in a sentence, or give the right result, in bounded time and memory.

`python -m benchmarks.robustness` tries more of the same.
"""

from random import Random

import pytest

from tests.robustness.misbehaving import WAYS
from tests.robustness.parts import mutate
from tests.robustness.photo_formats import PHOTO_FORMATS
from tests.robustness.running import Budget, run

# Some ten seconds each on one slow core.
COUNTS = {"photos": 250, "checkpoints": 40, "arguments": 30, "endpoints": 40, "clips": 40}


@pytest.mark.parametrize("kind", COUNTS)
def test_no_input_is_a_fault(kind: str) -> None:
    results = list(run(kind, range(COUNTS[kind])))
    faults = [result for result in results if result.verdict == "fault"]
    again = f"python -m benchmarks.robustness {kind} --seed"
    assert not faults, "\n".join(f"{fault.text}\n    {again} {fault.seed}" for fault in faults)
    # Not all are refused before anything is done, and not all are harmless.
    assert {result.verdict for result in results} == {"held", "refused"}


def test_everything_that_goes_wrong_is_a_fault() -> None:
    module = "tests.robustness.misbehaving"
    seeds = {Random(f"{module} {seed}").choice(sorted(WAYS)): seed for seed in range(300)}
    assert seeds.keys() == WAYS.keys()
    budget = Budget(seconds=1, megabytes=100, patience=10)
    results = dict(zip(seeds, run(module, seeds.values(), budget), strict=True))
    for way in ("held", "refused", "refused by a code"):
        assert results.pop(way).verdict == way.split()[0]
    for way, result in results.items():
        assert result.verdict == "fault", way
        assert way in result.text
    assert results["seconds"].seconds > 1
    assert results["megabytes"].megabytes > 100


def test_a_seed_gives_the_same_input() -> None:
    content = b"GIF89a" + bytes(7) + b"\x2c" + bytes(9) + b"\x02\x02\x4c\x01\0;"
    one, other = (mutate(Random("seed"), PHOTO_FORMATS["gif"], content, [content]) for _ in range(2))
    assert one == other
