"""The command line as a whole: help, exit codes, and the commands without coloring."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from colorizer.approaches import list_approaches
from colorizer.cli.parser import main
from tests.cli.running import names, run_python
from tests.hub_server import HubServer

pytestmark = pytest.mark.usefixtures("package")

COMMANDS = ("colorize", "video", "compare", "evaluate", "report", "push", "list")
COLORIZE = ["colorize", "x.jpg", "-o", "out", "--model", "bins"]


def test_push_publishes_and_says_where(hub: HubServer, models: Path, capsys: pytest.CaptureFixture):
    assert main(["push", str(models / "small"), "ada/small", "--private"]) == 0
    assert f"{hub.url}/ada/small" in capsys.readouterr().out
    assert hub.repositories["ada/small"].is_private
    assert main(["push", str(models / "small"), "a/b/c"]) == 2
    assert "a/b/c" in capsys.readouterr().err


def test_list_shows_approaches_and_checkpoints(capsys: pytest.CaptureFixture):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for approach in list_approaches():
        assert any(line.startswith(f"{approach} ") for line in lines)
    (bins,) = (line.split() for line in lines if line.startswith("bins "))
    assert bins[1] == "colorful"
    assert bins[3] == "M"
    for approach, option in (("colorful", "temperature"), ("joint", "scene")):
        assert any(option in line for line in lines if line.startswith(f"{approach} "))


def test_output_that_can_not_be_written():
    command = [sys.executable, "-m", "colorizer", "list"]
    reading, writing = os.pipe()
    os.close(reading)
    finished = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (finished.returncode, finished.stderr) == (141, "")
    with open("/dev/full", "w") as full:
        finished = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (2, "colorizer list: No space left on device.\n")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "There is not enough memory: give smaller or fewer photos."),
        (OSError(12, "Cannot allocate memory"), "There is not enough memory: give smaller or fewer photos."),
        (OSError(24, "Too many open files", "a.jpg"), "'a.jpg': Too many open files."),
    ],
)
def test_what_the_system_refuses_is_a_sentence(
    error: Exception, message: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: object) -> int:
        raise error

    monkeypatch.setattr(import_module("colorizer.cli.list"), "run", refuse)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == f"colorizer list: {message}\n"


def test_ctrl_c_exits_with_130(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import_module("colorizer.pipelines.image_colorization")  # with the true `read_photo`, for the other tests

    def interrupt(source, **arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("colorizer.photos.files.reading.read_photo", interrupt)
    assert main(["colorize", str(album), "-o", str(tmp_path / "out"), "--model", "small"]) == 130


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["colorize", "x.jpg"],
        ["evaluate", "--max_photos", "0"],
        [*COLORIZE, "--hint", "1,2,blue"],
        [*COLORIZE, "--hint", "-1,2,#336699"],
        [*COLORIZE, "--num_images", "0"],
        [*COLORIZE, "--batch_size", "9" * 20],
        ["colorize", "", "-o", "out"],
        ["colorize", "x.jpg", "-o", ""],
        ["colorize", "x.jpg", "-o", "out", "--model", ""],
        ["compare", "x.jpg", "", "-o", "sheet.png"],
        ["video", "", "-o", "colored.mp4"],
        ["evaluate", "--model", "bins", "--dataset", "", "-o", "out"],
        ["report", ""],
        ["push", "", "user/name"],
    ],
)
def test_a_wrong_command_line_exits_with_2(arguments: list[str]):
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2


def test_help_has_examples_for_every_command(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in ([], *([command] for command in COMMANDS)):
        with pytest.raises(SystemExit) as exit_info:
            main([*arguments, "--help"])
        assert exit_info.value.code == 0
        text = capsys.readouterr().out
        assert all(len(line) < 80 for line in text.splitlines())
        assert arguments == ["list"] or f"python -m colorizer {' '.join(arguments)}" in text


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "", "1_000", "2147483649", "9" * 5000])
def test_a_wrong_count_is_told_what_it_must_be(value: str, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        main([*COLORIZE, f"--batch_size={value}"])
    assert "--batch_size: must be a whole number from 1 to 2147483648" in capsys.readouterr().err


def test_too_many_images_are_refused_before_their_files_are_named(capsys: pytest.CaptureFixture):
    assert main([*COLORIZE, "--num_images", "1000000000"]) == 2
    assert "num_images must be a whole number from 1 to 100" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS), ["colorize"]])
def test_help_and_a_wrong_command_line_come_without_waiting_for_slow_imports(arguments: list[str]):
    script = f"import sys, runpy\nsys.argv = {['colorizer', *arguments]}\n"
    script += "try: runpy.run_module('colorizer', run_name='__main__')\n"
    script += "except SystemExit: print({'torch', 'transformers', 'numpy', 'PIL', 'tqdm'} & set(sys.modules))"
    finished = run_python("-c", script)
    assert finished.stdout.endswith("set()\n"), finished.stderr


def test_a_clips_address_is_refused_without_its_password(capsys: pytest.CaptureFixture):
    assert main(["video", "https://ada:hunter2@example.org/film.mp4", "-o", "colored.mp4"]) == 2
    assert capsys.readouterr().err == (
        "colorizer video: A clip is read from a file, not from an address: download it first.\n"
    )


def test_names_of_files_can_not_feign_other_lines(tmp_path: Path, models: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "album").mkdir()
    for name in ("a\nerror: nothing was saved.png", "\x1b[2J\u202egnp.png", "日本 é.png"):
        (tmp_path / "album" / name).write_bytes(b"no photo")
    arguments = ["colorize", str(tmp_path / "album"), "-o", str(tmp_path / "out"), "--model", str(models / "small")]
    assert main(arguments) == 1
    text = capsys.readouterr().err
    for shown in (r"a\nerror: nothing was saved.png", r"\x1b[2J\u202egnp.png", "日本 é.png"):
        assert shown in text
    assert "\nerror" not in text
    assert "\x1b" not in text
    assert main(["colorize", "\x1b[2J*", "-o", "out"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_module_runs_as_a_command(album: Path, models: Path, broken: Path, tmp_path: Path):
    out = tmp_path / "out"
    finished = run_python("-m", "colorizer", "colorize", str(album), "-o", str(out), "--model", str(models / "small"))
    assert finished.returncode == 1
    assert "broken.jpg" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert names(out) == ["cat.png", "face.png", "gray.png"]


def test_photos_are_colored_though_no_message_can_be_written(album: Path, models: Path, broken: Path, tmp_path: Path):
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "colorizer",
        "colorize",
        str(album),
        "-o",
        str(out),
        "--model",
        str(models / "small"),
    ]
    with open("/dev/full", "w") as full:
        finished = subprocess.run(command, stdout=full, stderr=full, check=False)
    assert finished.returncode == 2
    assert names(out) == ["cat.png", "face.png", "gray.png"]
