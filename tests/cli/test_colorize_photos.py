"""`python -m colorizer colorize`: its results per photo, and resuming by a second run."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.cli.parser import main
from colorizer.photos.files.reading import read_photo
from tests.cli.running import names, run_python

pytestmark = pytest.mark.usefixtures("package")


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ctime_ns for path in folder.iterdir()}


def test_colorize_saves_a_photo_a_model_at_its_own_size(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert main(["colorize", str(album), "-o", str(out), "--model", "small", "bins"]) == 0
    assert names(out) == sorted(
        f"{stem}-{model}.png" for stem in ("face", "gray", "cat") for model in ("small", "bins")
    )
    for path in out.iterdir():
        source = next(album.glob(f"{path.stem.rsplit('-')[0]}.*"))
        with Image.open(path) as colored, Image.open(source) as photo:
            assert colored.size == photo.size
            assert ("A" in colored.getbands()) == ("A" in photo.getbands())
            assert path.stem.rsplit("-")[1] in " ".join(map(str, colored.info.values())), "the metadata lacks the model"
    with Image.open(out / "gray-small.png") as colored:
        pixels = np.asarray(colored.convert("RGB")).astype(int)
    assert np.ptp(pixels, axis=-1).max() > 0, "the gray photo stayed gray"


def test_colorize_with_one_model_keeps_the_photos_name(album: Path, models: Path, tmp_path: Path):
    arguments = ["colorize", f"{album}/*.jpg", "-o", str(tmp_path / "out"), "--model", str(models / "bins")]
    options = [
        "--format",
        "webp",
        "--temperature",
        "0.5",
        "--saturation",
        "1.3",
        "--resolution",
        "32",
        "--device",
        "cpu",
    ]
    assert main([*arguments, *options]) == 0
    assert names(tmp_path / "out") == ["face.webp"]


def test_colorize_is_the_pipeline(album: Path, tmp_path: Path):
    from colorizer.pipelines.image_colorization import pipeline

    assert main(["colorize", str(album / "face.jpg"), "-o", str(tmp_path / "out"), "--model", "bins"]) == 0
    expected = pipeline("bins")(str(album / "face.jpg"))
    with Image.open(tmp_path / "out" / "face.png") as colored:
        np.testing.assert_array_equal(np.asarray(colored.convert("RGB")), np.asarray(expected.convert("RGB")))


def test_several_answers_are_numbered_and_a_second_run_goes_on(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    arguments = ["colorize", str(album / "face.jpg"), "-o", str(out), "--model", "bins", "--num_images", "3"]
    assert main([*arguments, "--seed", "5"]) == 0
    assert names(out) == ["face-1.png", "face-2.png", "face-3.png"]
    assert len({path.read_bytes() for path in out.iterdir()}) == 3
    before = times(out)
    assert main([*arguments, "--seed", "5"]) == 0
    assert times(out) == before
    (out / "face-2.png").unlink()
    assert main([*arguments, "--seed", "5"]) == 0
    assert names(out) == ["face-1.png", "face-2.png", "face-3.png"]
    one = ["colorize", str(album / "face.jpg"), "-o", str(tmp_path / "one"), "--model", "bins", "--seed", "5"]
    assert main(one) == 0
    assert (tmp_path / "one/face.png").read_bytes() == (out / "face-1.png").read_bytes()


def test_a_photo_that_can_not_be_read_is_named_and_the_others_go_on(
    album: Path, broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    sources = [str(album), "missing.jpg"]
    assert main(["colorize", *sources, "-o", str(tmp_path / "out"), "--model", "small", "--batch_size", "2"]) == 1
    errors = capsys.readouterr().err
    assert "broken.jpg" in errors
    assert "missing.jpg" in errors
    assert "2 of 5 photos failed" in errors
    assert names(tmp_path / "out") == ["cat.png", "face.png", "gray.png"]


def test_a_second_run_goes_on_where_the_first_stopped(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    out = tmp_path / "out"
    arguments = ["colorize", str(album), "-o", str(out), "--model", "small", "bins"]
    assert main(arguments) == 0
    before = times(out)
    assert main(arguments) == 0
    assert times(out) == before
    assert "3 of 3 photos are done already" in capsys.readouterr().out

    (out / "cat-bins.png").unlink()
    assert main(arguments) == 0
    after = times(out)
    assert {name for name in after if after[name] != before[name]} == {"cat-bins.png"}

    assert main([*arguments, "--overwrite"]) == 0
    assert all(time != before[name] for name, time in times(out).items())


def test_a_photo_is_decoded_once_for_all_models(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    read, sources = read_photo, []

    def count(source, **arguments):
        if isinstance(source, str):  # not a photo that is already decoded
            sources.append(source)
        return read(source, **arguments)

    for reader in ("colorizer.photos.files.reading", "colorizer.pipelines.image_colorization"):
        monkeypatch.setattr(f"{reader}.read_photo", count)
    assert main(["colorize", str(album), "-o", str(tmp_path / "out"), "--model", "small", "bins"]) == 0
    assert main(["compare", str(album), "-o", str(tmp_path / "sheet.png")]) == 0
    assert sorted(sources) == sorted(2 * [str(path) for path in album.iterdir()])


def test_a_pipe_in_a_folder_is_named_and_the_others_go_on(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    os.mkfifo(album / "pipe.jpg")
    assert main(["colorize", str(album), "-o", str(tmp_path / "out"), "--model", "small"]) == 1
    assert "pipe.jpg is not a file." in capsys.readouterr().err
    assert "face.png" in names(tmp_path / "out")


def test_names_that_are_hard_to_write_stop_nothing(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    out, long = tmp_path / "out", f"{'日' * 83}aa"
    undecodable = os.fsdecode(b"caf\xe9")
    for name in ("😀", undecodable, long):
        shutil.copy(album / "gray.png", album / f"{name}.png")
    arguments = ["colorize", str(album), "http://127.0.0.1:1/a%00b.png", "x" * 5000, "-o", str(out), "--model", "small"]
    assert main([*arguments, "bins"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert all(len(line) < 1000 for line in lines)
    assert "3 of 8 photos failed; the others are done." in lines
    assert len([line for line in lines if "too long" in line and "日" in line]) == 2  # one per model
    assert {f"{name}-{model}.png" for name in ("😀", undecodable, "face") for model in ("small", "bins")} < set(
        names(out)
    )
    assert main(["colorize", str(album / f"{long}.png"), "-o", str(out), "--model", "small"]) == 0
    assert main(["colorize", str(album), "-o", str(tmp_path / ("x" * 300)), "--model", "small"]) == 2
    assert "File name too long" in capsys.readouterr().err


def test_names_are_printed_where_only_ascii_is(album: Path, models: Path, tmp_path: Path):
    sheet = tmp_path / os.fsdecode(b"caf\xe9 \xf0\x9f\x98\x80.png")
    (album / "face.jpg").rename(album / os.fsdecode(b"caf\xe9.jpg"))
    command = ["-m", "colorizer", "compare", str(album), "-o", str(sheet), "--model", str(models / "small")]
    finished = run_python("-X", "utf8=0", *command, PYTHONIOENCODING="ascii:strict")
    assert finished.returncode == 0, finished.stderr
    assert "Written to" in finished.stdout
    assert sheet.exists()
