"""Two runs of `colorize` with one output folder at a time: what one has written, the other doesn't replace in silence."""

from pathlib import Path

import pytest

from colorizer.cli.parser import main
from colorizer.photos.files import reading

pytestmark = pytest.mark.usefixtures("package")


@pytest.mark.parametrize("first", [None, "bins"], ids=["new", "outdated"])
@pytest.mark.parametrize(
    ("other", "code"),
    [(["face.jpg", "--model", "bins"], 1), (["cat.png", "--model", "small"], 1), (["face.jpg", "--model", "small"], 0)],
    ids=["other model", "other photo", "the same"],
)
def test_what_another_run_has_written_stays(
    first: str | None,
    other: list[str],
    code: int,
    album: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    out, read = tmp_path / "out", reading.read_photo
    photos = {name: album / name for name in ("face.jpg", "cat.png")}
    if other[0] == "cat.png":  # in another folder, and its result of the same name
        photos["cat.png"] = photos["cat.png"].rename(tmp_path / "face.png")

    def colorize(photo: str, *arguments: str) -> int:
        return main(["colorize", str(photos[photo]), "-o", str(out), *arguments])

    def meanwhile(*arguments, **options):
        monkeypatch.setattr(reading, "read_photo", read)
        assert colorize(*other, "--overwrite", "--saturation", "1") == 0
        return read(*arguments, **options)

    if first:
        assert colorize("face.jpg", "--model", first, "--saturation", "1.5") == 0
    monkeypatch.setattr(reading, "read_photo", meanwhile)
    assert colorize("face.jpg", "--model", "small") == code
    is_refused = "face.png was written by another run in the meantime" in capsys.readouterr().err
    assert is_refused == bool(code)
    if code:
        content = (out / "face.png").read_bytes()
        assert colorize(*other, "--saturation", "1") == 0
        assert (out / "face.png").read_bytes() == content


def test_a_sheet_replaces_no_file_that_came_in_the_meantime(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    sheet, read = tmp_path / "sheet.png", reading.read_photo

    def meanwhile(*arguments, **options):
        sheet.write_text("of another program")
        return read(*arguments, **options)

    monkeypatch.setattr(reading, "read_photo", meanwhile)
    assert main(["compare", str(album / "face.jpg"), "-o", str(sheet), "--model", "small"]) == 2
    assert "sheet.png is there already" in capsys.readouterr().err
    assert sheet.read_text() == "of another program"
