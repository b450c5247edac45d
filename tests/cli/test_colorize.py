import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from colorizer import create_model, save_checkpoint
from colorizer.cli.parser import main


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("models") / "small"
    torch.manual_seed(0)
    save_checkpoint(create_model("dense", width=1 / 64), folder)
    return str(folder)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Five photos, two of them in subfolders, and a broken one."""
    folder = tmp_path / "album"
    for place, name in enumerate(("a.jpg", "b.png", "c.jpg", "below/a.jpg", "below/more/d.jpg")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + place, 16), (90, 120, 200 - 20 * place)).save(folder / name)
    (folder / "below" / "broken.jpg").write_bytes((folder / "a.jpg").read_bytes()[:150])
    return folder


def files(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_ctime_ns for path in folder.rglob("*") if path.is_file()
    }


COLORED = {"a.png", "b.png", "c.png", "below/a.png", "below/more/d.png"}


def test_a_folder_is_colored_with_its_subfolders_and_a_second_run_goes_on(
    album: Path, model: str, capsys: pytest.CaptureFixture
):
    out = album / "colored"
    command = ["colorize", str(album), "-o", str(out), "--model", model]
    assert main(command) == 1
    assert "1 of 6 photos failed" in capsys.readouterr().err
    before = files(out)
    assert before.keys() == COLORED
    (out / "below/a.png").unlink()
    assert main(command) == 1
    assert "4 of 6 photos are done already" in capsys.readouterr().out
    after = files(out)
    assert {name for name in after if after[name] != before[name]} == {"below/a.png"}
    with Image.open(out / "below/more/d.png") as image:
        assert image.size == (24, 16)
        assert "by small" in str(image.info)


def test_two_processes_share_the_photos_and_go_on_where_others_stopped(album: Path, model: str, tmp_path: Path):
    out, expected = tmp_path / "out", tmp_path / "expected"
    assert main(["colorize", str(album), "-o", str(expected), "--model", model]) == 1
    (out / "below").mkdir(parents=True)
    for name in ("b.png", "below/a.png"):
        (out / name).write_bytes((expected / name).read_bytes())
    before = files(out)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    finished = subprocess.run(
        [*launch, "-m", "colorizer", "colorize", str(album), "-o", str(out), "--model", model, "--batch_size", "1"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert finished.returncode == 1, finished.stderr
    assert finished.stdout.count("2 of 6 photos are done already") == 1
    assert finished.stderr.count("below/broken.jpg is") == 1
    assert finished.stderr.count("1 of 4 photos failed; the others are done") == 1
    after = files(out)
    assert after.keys() == COLORED
    assert {name for name in before if after[name] == before[name]} == set(before)
    for name in COLORED:
        assert (out / name).read_bytes() == (expected / name).read_bytes()
