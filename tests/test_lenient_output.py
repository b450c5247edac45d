"""Output that can't be written, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
from colorizer.lenient_output import lenient_output
with lenient_output() as lost:
    for _ in range(3):
        print("progress", file=sys.stderr)
        print("result" * 5000, flush=True)
print(lost.stdout, lost.stderr, file=open(sys.argv[1], "w"))
"""


def run(told: str, *options: str, **streams: object) -> tuple[int, str]:
    """Return the exit code, and the errors of stdout and stderr that were told of."""
    finished = subprocess.run([sys.executable, *options, "-c", SCRIPT, told], **streams, check=False)
    with open(told) as file:
        return finished.returncode, file.read()


@pytest.mark.parametrize("options", [[], ["-u"]])
def test_work_goes_on_without_it(tmp_path: Path, options: list[str]) -> None:
    told, full = str(tmp_path / "told"), "[Errno 28] No space left on device"
    reading, writing = os.pipe()
    os.close(reading)
    null = subprocess.DEVNULL
    with open("/dev/full", "w") as disk:
        assert run(told, *options, stdout=null, stderr=null) == (0, "None None\n")
        assert run(told, *options, stdout=disk, stderr=null) == (0, f"{full} None\n")
        assert run(told, *options, stdout=null, stderr=disk) == (0, f"None {full}\n")
        assert run(told, *options, stdout=writing, stderr=disk) == (0, f"[Errno 32] Broken pipe {full}\n")
    os.close(writing)


def test_what_can_be_written_is(tmp_path: Path) -> None:
    told = str(tmp_path / "told")
    finished = subprocess.run([sys.executable, "-c", SCRIPT, told], capture_output=True, text=True, check=True)
    assert (finished.stdout, finished.stderr) == (("result" * 5000 + "\n") * 3, "progress\n" * 3)


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    script = "import sys\nfrom colorizer.lenient_output import lenient_output\nwith lenient_output():\n"
    script += " print('lost'); number = open(sys.argv[1], 'w').fileno(); print(number, file=open(sys.argv[2], 'w'))"
    command = [
        "sh",
        "-c",
        'exec "$@" <&- >&- 2>&-',
        "sh",
        sys.executable,
        "-c",
        script,
        tmp_path / "photo",
        tmp_path / "told",
    ]
    subprocess.run(command, check=True)
    assert int((tmp_path / "told").read_text()) > 2
