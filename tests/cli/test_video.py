"""`python -m colorizer video`: coloring a clip from the command line."""

from pathlib import Path

import pytest
import torch

from colorizer import create_model, save_checkpoint
from colorizer.cli.parser import main
from colorizer.video import coloring
from tests.clips import chroma_of, frames_of, make_clip, packets_of, pan


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "small"
    save_checkpoint(create_model("colorful", width=1 / 16, resolution=32), folder)
    return str(folder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", pan(12))


def test_a_clip_is_colored_once(clip: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture):
    out = tmp_path / "out" / "colored.mp4"
    arguments = ["video", str(clip), "-o", str(out), "--model", model]
    assert main(arguments) == 0
    assert f"Written to {out}" in capsys.readouterr().out
    assert packets_of(out) == packets_of(clip)
    before = out.stat().st_mtime_ns
    assert main(arguments) == 0
    assert "--overwrite" in capsys.readouterr().out
    assert out.stat().st_mtime_ns == before
    assert main([*arguments, "--overwrite", "--saturation", "0", "--smoothing", "0", "--batch_size", "2"]) == 0
    assert abs(chroma_of(frames_of(out)[5])).mean() < 2


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
def test_a_result_of_other_options_is_not_done_and_no_other_file_is_replaced(
    ending: str, clip: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    out = tmp_path / f"colored.{ending}"
    arguments = ["video", str(clip), "-o", str(out), "--model", model]
    out.write_bytes(b"of the user")
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_bytes() == b"of the user"
    assert main([*arguments, "--overwrite"]) == 0
    first = out.read_bytes()
    capsys.readouterr()
    assert main([*arguments, "--saturation", "0.5"]) == 0
    assert "another model or other options" in capsys.readouterr().out
    assert out.read_bytes() != first
    assert main([*arguments, "--saturation", "0.5"]) == 0
    assert "is done already" in capsys.readouterr().out
    other = make_clip(tmp_path / "other.mp4", pan(3))
    assert main(["video", str(other), "-o", str(out), "--model", model]) == 2
    assert main([*arguments, "--model", "nonsense"]) == 2
    # The result of a result has one mark, its own.
    again = tmp_path / f"again.{ending}"
    assert main(["video", str(out), "-o", str(again), "--model", model]) == 0
    assert main(["video", str(out), "-o", str(again), "--model", model]) == 0
    assert "is done already" in capsys.readouterr().out


@pytest.mark.parametrize("folder", [".", "new/", "new", "there"])
def test_a_folder_gets_the_clips_name(
    folder: str, clip: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    avi = make_clip(tmp_path / "film.old.avi", pan(3), codec="mpeg4", sound=None)
    for source, name in ((clip, "clip.mp4"), (avi, "film.old.mp4")):
        assert main(["video", str(source), "-o", folder, "--model", model]) == 0
        assert f"Written to {Path(folder) / name}" in capsys.readouterr().out
        assert frames_of(tmp_path / folder / name)
    own = make_clip(tmp_path / "own.mp4", pan(3), sound=None)
    assert main(["video", str(own), "-o", ".", "--model", model]) == 2
    assert "would be overwritten" in capsys.readouterr().err


def test_what_is_not_kept_is_said(clip: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["video", str(clip), "-o", str(tmp_path / "colored.webm"), "--model", model]) == 0
    notes = capsys.readouterr().out
    assert all(word in notes for word in ("sound", "aac", ".webm", "opus"))


def test_ctrl_c_exits_with_130_and_the_next_run_goes_on(
    clip: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(coloring, "NUM_FRAMES", 4)
    merge, merged = coloring.merge_colors, []

    def interrupt(*arguments, **options):
        merged.append(1)
        if len(merged) == 7:
            raise KeyboardInterrupt
        return merge(*arguments, **options)

    monkeypatch.setattr(coloring, "merge_colors", interrupt)
    arguments = ["video", str(clip), "-o", str(tmp_path / "colored.mp4"), "--model", model]
    assert main(arguments) == 130
    assert "what was finished is saved" in capsys.readouterr().err
    assert main(arguments) == 0
    assert len(merged) == 7 + 12 - 4
    assert [path.name for path in tmp_path.iterdir()] == ["colored.mp4"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.mp4", "-o", "colored.mp4"], "There is no file 'missing.mp4'"),
        ([__file__, "-o", "colored.mp4"], "test_video.py is not a video"),
        (["CLIP", "-o", "CLIP"], "itself would be overwritten"),
        (["CLIP", "-o", f"{'x' * 300}.mp4"], "File name too long"),
        (["CLIP", "-o", "colored.jpg"], "doesn't end in one of .mp4"),
        (["CLIP", "-o", "colored.mp4", "--smoothing", "-1"], "smoothing must be a number from 0 to 10"),
        (["CLIP", "-o", "colored.mp4", "--scene", "beach"], "No model here takes the option scene"),
    ],
)
def test_faults_exit_with_2_and_a_message(
    arguments: list[str],
    message: str,
    clip: Path,
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    monkeypatch.chdir(tmp_path)
    arguments = [str(clip) if argument == "CLIP" else argument for argument in arguments]
    assert main(["video", *arguments, "--model", model]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())
