"""Workers of a launcher end when it is killed, and a run of theirs can be resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colorizer import launcher
from colorizer.training import run_states
from tests.training.conftest import REPOSITORY

ACCELERATE = ["accelerate.commands.launch", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
LAUNCHERS = {
    # By torchrun's own agent.
    "accelerate, two processes": ([*ACCELERATE, "--multi_gpu", "--num_processes", "2", "--main_process_port"], 2),
    "accelerate, one process": ([*ACCELERATE, "--cpu", "--num_processes", "1", "--main_process_port"], 1),
}


def children(parent: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("name", LAUNCHERS)
def test_workers_end_when_their_launcher_is_killed(name, command, tmp_path, port):
    given = [*command, "--max_train_steps", "100000", "--validation_steps", "100000"]
    launch, num_workers = LAUNCHERS[name]
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *launch, port, str(REPOSITORY / "train_accelerate.py"), *given],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
            stderr=stream,
        )
    workers = []
    try:
        while "photos/s" not in log.read_text() and process.poll() is None:
            time.sleep(0.2)
        workers = children(process.pid)
        assert len(workers) == num_workers, log.read_text()
        process.kill()
        process.wait()
        deadline = time.monotonic() + 300
        while any(map(is_alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not any(map(is_alive, workers))
    finally:
        for number in filter(is_alive, [process.pid, *workers]):
            os.kill(number, signal.SIGKILL)
    # Several save together, which they can't once one of them has ended.
    assert num_workers > 1 or len(run_states.list_states(tmp_path / "run")) == 1, log.read_text()


CHILD = """
import signal, time
from colorizer import launcher
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as if it were stuck
launcher._GRACE = 1
launcher.end_with_launcher()
print("ready", flush=True)
time.sleep(60)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.mark.parametrize(("variable", "ends"), [("TORCHELASTIC_RUN_ID", True), ("UNRELATED", False)])
def test_a_stuck_worker_ends_and_a_program_of_a_closed_shell_does_not(variable, ends):
    marks = {name: value for name, value in os.environ.items() if name not in launcher._MARKS}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], env={**marks, variable: "x"}, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout.readline() == "ready\n"
    [child] = children(parent.pid)
    try:
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + (30 if ends else 4)
        while is_alive(child) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert is_alive(child) != ends
    finally:
        if is_alive(child):
            os.kill(child, signal.SIGKILL)
        parent.stdout.close()
