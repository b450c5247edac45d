"""`colorize`, `compare` and `video` know their own results: which are done, and which may be replaced."""

from pathlib import Path

import pytest
from PIL import Image

from colorizer.cli.parser import main
from colorizer.photos.marks import Mark, read_mark
from tests.cli.running import names

pytestmark = pytest.mark.usefixtures("package")


@pytest.fixture
def color(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    """Run `colorize` on a photo, and return its exit code, the result's content, and what it printed."""

    def run(*arguments: str, photo: str = "face.jpg", suffix: str = "png") -> tuple[int, bytes, str]:
        out = tmp_path / "out"
        code = main(["colorize", str(album / photo), "-o", str(out), *arguments])
        printed = capsys.readouterr()
        return code, (out / photo).with_suffix(f".{suffix}").read_bytes(), printed.out + printed.err

    return run


def test_a_result_of_another_model_or_of_other_options_is_not_done(color):
    results = []
    for arguments in (
        ["--model", "small"],
        ["--model", "bins"],
        ["--model", "bins", "--saturation", "1.5"],
        ["--model", "bins", "--seed", "1"],
        ["--model", "bins", "--hint", "1,2,#ff0000"],
    ):
        code, content, text = color(*arguments)
        assert code == 0
        assert "done already" not in text
        assert ("they are replaced" in text) == bool(results)
        code, again, text = color(*arguments)
        assert (code, again) == (0, content)
        assert "1 of 1 photos are done already" in text
        results.append(content)
    assert len(set(results)) == len(results)


def test_options_that_say_what_is_so_anyway_make_no_difference(color):
    assert color("--model", "bins")[0] == 0
    code, _, text = color("--model", "bins", "--saturation", "1", "--resolution", "64", "--num_images", "1")
    assert code == 0
    assert "done already" in text


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff"])
def test_a_result_is_known_in_every_format(suffix: str, color):
    assert color("--model", "small", "--format", suffix, photo="cat.png", suffix=suffix)[0] == 0
    assert "done already" in color("--model", "small", "--format", suffix, photo="cat.png", suffix=suffix)[2]


def test_a_model_trained_anew_under_its_old_name_is_another_model(color, models: Path, tmp_path: Path):
    import torch

    from colorizer import create_model, save_checkpoint

    run = tmp_path / "runs" / "mine"
    save_checkpoint(create_model("dense", width=1 / 64), run)
    assert color("--model", str(run))[0] == 0
    torch.manual_seed(1)
    save_checkpoint(create_model("dense", width=1 / 64), run)
    assert "they are replaced" in color("--model", str(run))[2]


def test_a_result_of_another_photo_is_not_replaced(color, album: Path):
    _, before, _ = color("--model", "small")
    Image.new("RGB", (9, 9), "red").save(album / "face.jpg")
    code, content, text = color("--model", "small")
    assert (code, content) == (1, before)
    assert "--overwrite" in text
    assert "face.png is there already" in text
    code, content, _ = color("--model", "small", "--overwrite")
    assert code == 0
    assert content != before


@pytest.mark.parametrize("kind", ["picture", "empty", "text", "folder"])
def test_other_files_are_not_replaced(kind: str, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    path = tmp_path / "out" / "face.png"
    path.parent.mkdir()
    if kind == "picture":
        Image.new("RGB", (9, 9), "red").save(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"a text" if kind == "text" else b"")
    before = path.is_file() and path.read_bytes()
    assert main(["colorize", str(album), "-o", str(path.parent), "--model", "small"]) == 1
    assert (path.is_file() and path.read_bytes()) == before
    errors = capsys.readouterr().err
    assert "face.png is there already" in errors
    assert "1 of 3 photos failed; the others are done" in errors
    assert {"cat.png", "gray.png"} <= set(names(path.parent))
    code = main(["colorize", str(album), "-o", str(path.parent), "--model", "small", "--overwrite"])
    assert code == (1 if kind == "folder" else 0)


def test_a_model_that_is_not_there_is_refused_though_all_is_done(color):
    color("--model", "small")
    code, _, text = color("--model", "nonsense")
    assert code == 2
    assert "There is no checkpoint 'nonsense'" in text
    assert "done already" not in text


def test_a_photo_after_the_models_is_a_photo(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert main(["colorize", "--model", "small", str(album / "face.jpg"), "-o", str(out)]) == 0
    assert main(["colorize", "-o", str(out), "--model", "small", "bins", str(album / "gray.png")]) == 0
    assert names(out) == ["face.png", "gray-bins.png", "gray-small.png"]
    assert main(["colorize", "--model", "small", f"{album}/f*.jpg", "-o", str(out), str(album / "cat.png")]) == 0
    assert "cat.png" in names(out)
    sheet = tmp_path / "sheet.png"
    assert main(["compare", "--model", "small", "--model", "bins", str(album), "-o", str(sheet)]) == 0
    assert sheet.exists()


def test_without_a_photo_it_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture):
    for command, out in (("colorize", "out"), ("compare", "sheet.png")):
        assert main([command, "--model", "small", "bins", "-o", str(tmp_path / out)]) == 2
        assert "No photo was given" in capsys.readouterr().err


def test_a_sheet_replaces_sheets_and_no_other_file(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    photo, sheet = str(album / "face.jpg"), tmp_path / "sheet.jpg"
    Image.new("RGB", (9, 9), "red").save(sheet)
    before = sheet.read_bytes()
    assert main(["compare", photo, "-o", str(sheet)]) == 2
    assert "sheet.jpg is there already" in capsys.readouterr().err
    assert sheet.read_bytes() == before
    assert main(["compare", photo, "-o", str(sheet), "--overwrite"]) == 0
    made = sheet.read_bytes()
    assert made != before
    assert main(["compare", str(album / "cat.png"), "-o", str(sheet)]) == 0
    assert sheet.read_bytes() != made
    assert main(["compare", photo, "-o", str(tmp_path / f"{'x' * 255}.png")]) == 2
    assert "too long" in capsys.readouterr().err


def test_results_that_a_pattern_matches_are_no_photos(album: Path, capsys: pytest.CaptureFixture):
    for folder in (album / "colored", album):
        arguments = ["colorize", f"{album}/**/*.png", "-o", str(folder), "--model", "small", "--format", "webp"]
        assert main(arguments) == 0
        arguments[1] = f"{album}/**/*.[pw]*[gp]"  # the results as well
        assert main(arguments) == 0
        assert "2 of 2 photos are done already" in capsys.readouterr().out
        for result in folder.glob("*.webp"):
            result.unlink()


def test_a_mark_is_read_only_where_it_is(tmp_path: Path):
    assert read_mark(tmp_path) is None
    assert read_mark(tmp_path / "none.png") is None
    (tmp_path / "fifo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert read_mark(tmp_path / "fifo.png") is None
    Image.new("L", (4, 4)).save(tmp_path / "other.png")
    assert read_mark(tmp_path / "other.png") is None
    assert str(Mark("0" * 16, "f" * 16)) == f"colorizer {'0' * 16}-{'f' * 16}"
